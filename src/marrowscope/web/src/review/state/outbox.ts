/** Answers to be sent to the service, in batches and kept until the service has stored them. */
import { Problem, Unreachable, messageOf, patch } from "../../api/client";
import type { Cell, Change } from "../../api/shapes";
import { changeTo, sameAnswer, type Answer } from "./edits";

const GATHER_MS = 250;
const BATCH = 200;
const RETRY_MS = [1000, 2000, 5000, 10_000, 15_000];

export type OutboxState = "saved" | "saving" | "offline" | "conflict" | "refused";

/** What the outbox needs from the store for which it sends. */
export interface Sender {
  /** The cell as last received from the service. */
  served(id: string): Cell | undefined;
  accepted(cells: Cell[], revision: number): void;
  conflicted(cells: Cell[]): void;
  locked(): void;
  changed(): void;
}

/** Collects answers and sends them in order; keeps them when the network is lost or the page reloaded. */
export class Outbox {
  state: OutboxState = "saved";
  message: string | null = null;
  /** Cells whose answer someone else changed in the meantime; nothing is sent until all are resolved. */
  conflicts = new Map<string, Cell>();
  private waiting = new Map<string, Answer>();
  private sending = new Map<string, Answer>();
  private timer: ReturnType<typeof setTimeout> | undefined;
  private failures = 0;
  private closed = false;

  constructor(
    private readonly analysis: string,
    private readonly reading: string | null,
    /** Where answers are sent to. */
    private readonly path: string,
    private readonly sender: Sender,
    private readonly storage: Pick<Storage, "getItem" | "setItem" | "removeItem"> | null,
  ) {
    for (const [id, answer] of this.stored()) this.waiting.set(id, answer);
    if (this.waiting.size > 0) this.state = "saving";
  }

  /** Cells whose answers are not stored by the service yet. */
  get size(): number {
    return new Set([...this.waiting.keys(), ...this.sending.keys()]).size;
  }

  /** The unsaved answer for a cell, if any. */
  answer(id: string): Answer | undefined {
    return this.waiting.get(id) ?? this.sending.get(id);
  }

  put(answers: Iterable<[string, Answer]>): void {
    for (const [id, answer] of answers) this.waiting.set(id, answer);
    this.keep();
    if (this.state !== "conflict") {
      if (this.state !== "offline") this.state = "saving";
      this.schedule(GATHER_MS);
    }
  }

  /** Send answers left over from an earlier visit. */
  resume(): void {
    if (this.waiting.size > 0) this.schedule(0);
  }

  /** Send now instead of waiting for the next retry. */
  retry(): void {
    this.failures = 0;
    this.schedule(0);
  }

  /** Wait until everything is saved; false if something prevents it. */
  async flush(): Promise<boolean> {
    clearTimeout(this.timer);
    while (this.size > 0 && !this.closed) {
      if (this.sending.size > 0) await new Promise((done) => setTimeout(done, 30));
      else await this.send();
      if (this.state === "offline" || this.state === "conflict" || this.state === "refused") return false;
    }
    return true;
  }

  /** Resolve a conflict: send the user's answer again, or keep the other one. */
  resolve(id: string, mine: boolean): void {
    const theirs = this.conflicts.get(id);
    this.conflicts.delete(id);
    if (!mine) {
      this.waiting.delete(id);
      if (theirs) this.sender.conflicted([theirs]);
    }
    this.keep();
    if (this.conflicts.size === 0) {
      this.state = this.waiting.size > 0 ? "saving" : "saved";
      this.schedule(0);
    }
    this.sender.changed();
  }

  /** Discard all unsaved answers. */
  drop(): void {
    this.waiting.clear();
    this.conflicts.clear();
    this.keep();
    this.state = "saved";
    this.message = null;
  }

  close(): void {
    this.closed = true;
    clearTimeout(this.timer);
  }

  private schedule(after: number): void {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => void this.send(), after);
  }

  private async send(): Promise<void> {
    if (this.sending.size > 0 || this.conflicts.size > 0 || this.closed) return;
    const changes = this.nextBatch();
    if (changes.length === 0) {
      this.settle();
      this.sender.changed();
      return;
    }
    try {
      const body = this.reading ? { reading: this.reading, changes } : { changes };
      const answer = await patch<{ items: Cell[]; revision: number }>(this.path, body);
      this.failures = 0;
      this.message = null;
      this.sending.clear();
      this.sender.accepted(answer.items, answer.revision);
      if (this.waiting.size > 0) this.schedule(0);
      this.settle();
    } catch (error) {
      this.failed(error);
    }
    this.keep();
    this.sender.changed();
  }

  private nextBatch(): Change[] {
    const changes: Change[] = [];
    for (const [id, answer] of this.waiting) {
      if (changes.length === BATCH) break;
      this.waiting.delete(id);
      const cell = this.sender.served(id);
      const change = cell && changeTo(cell, answer);
      if (!change) continue;
      this.sending.set(id, answer);
      changes.push(change);
    }
    return changes;
  }

  private settle(): void {
    if (this.size === 0 && this.conflicts.size === 0) this.state = "saved";
    this.keep();
  }

  private failed(error: unknown): void {
    // Answers that were not accepted are queued again, unless there is a newer one for the same cell.
    for (const [id, answer] of this.sending) if (!this.waiting.has(id)) this.waiting.set(id, answer);
    this.sending.clear();
    this.message = messageOf(error);
    if (error instanceof Unreachable || (error instanceof Problem && (error.status === 429 || error.status >= 500))) {
      this.state = "offline";
      this.schedule(RETRY_MS[Math.min(this.failures++, RETRY_MS.length - 1)] ?? 15_000);
    } else if (error instanceof Problem && error.status === 401) {
      this.state = "offline";
    } else if (error instanceof Problem && error.status === 409 && error.is("locked")) {
      this.state = "refused";
      this.sender.locked();
    } else if (error instanceof Problem && error.status === 409 && error.body.conflicts) {
      this.conflict(error.body.conflicts);
    } else {
      this.state = "refused";
    }
  }

  private conflict(cells: Cell[]): void {
    for (const cell of cells) {
      const mine = this.waiting.get(cell.id);
      if (mine && sameAnswer(mine, { type: cell.reviewed_type, deleted: cell.deleted })) this.waiting.delete(cell.id);
      else if (mine) this.conflicts.set(cell.id, cell);
    }
    this.sender.conflicted(cells);
    if (this.conflicts.size > 0) this.state = "conflict";
    else this.schedule(0);
  }

  private get key(): string {
    return `marrowscope:unsent:${this.analysis}:${this.reading ?? "first"}`;
  }

  private keep(): void {
    if (!this.storage) return;
    const all = [...this.sending, ...this.waiting];
    if (all.length === 0) this.storage.removeItem(this.key);
    else this.storage.setItem(this.key, JSON.stringify(all));
  }

  private stored(): [string, Answer][] {
    try {
      return JSON.parse(this.storage?.getItem(this.key) ?? "[]") as [string, Answer][];
    } catch {
      return [];
    }
  }
}
