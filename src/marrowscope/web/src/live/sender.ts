/** Images of live sessions on their way to the service; they are sent on while other pages are shown. */
import { messageOf, Problem, Unreachable, upload } from "../api/client";

interface Waiting {
  file: Blob;
  name: string;
  key: string;
}

export interface Refusal {
  name: string;
  why: string;
}

const LONGEST_MS = 10_000;
const TOLD = 5;

/** Sends the images of one patient, one after another in the order in which they were taken. */
export class Sender {
  /** Images that were refused lately, the newest first. */
  refused: Refusal[] = [];
  isOffline = false;
  version = 0;
  private readonly waiting: Waiting[] = [];
  private readonly listeners = new Set<() => void>();
  private busy = false;

  constructor(
    private readonly patient: string,
    private readonly send: typeof upload = upload,
    private readonly pause = (ms: number): Promise<void> => new Promise((done) => setTimeout(done, ms)),
  ) {}

  readonly subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  readonly snapshot = (): number => this.version;

  get left(): number {
    return this.waiting.length;
  }

  add(file: Blob, name: string): void {
    this.waiting.push({ file, name, key: crypto.randomUUID() });
    this.notify();
    if (!this.busy) void this.run();
  }

  private async run(): Promise<void> {
    this.busy = true;
    let pause = 500;
    for (let next = this.waiting[0]; next; next = this.waiting[0]) {
      try {
        await this.sendOne(next);
        this.isOffline = false;
        pause = 500;
        this.waiting.shift();
      } catch (error) {
        if (error instanceof Unreachable || (error instanceof Problem && error.status === 429)) {
          this.isOffline = true;
          this.notify();
          await this.pause(pause);
          pause = Math.min(2 * pause, LONGEST_MS);
        } else {
          this.refuse(next.name, messageOf(error));
          this.waiting.shift();
        }
      }
      this.notify();
    }
    this.busy = false;
  }

  private async sendOne({ file, name, key }: Waiting): Promise<void> {
    // A capture program that writes a file again has written it to its end, or taken it anew.
    const items = await this.send(this.patient, [{ file, name }], { key, sameName: "replace" }, () => undefined, new AbortController().signal);
    // Broken images are on the patient's list; what is no image at all is told here alone.
    for (const item of items) if (item.status === "refused" && item.field_id === null) this.refuse(item.name, item.message);
  }

  private refuse(name: string, why: string): void {
    this.refused = [{ name, why }, ...this.refused].slice(0, TOLD);
  }

  private notify(): void {
    this.version += 1;
    for (const listener of this.listeners) listener();
  }
}

const senders = new Map<string, Sender>();

/** The sender of a patient, the same one as long as the page is open. */
export function senderOf(patient: string): Sender {
  const known = senders.get(patient) ?? new Sender(patient);
  senders.set(patient, known);
  return known;
}

globalThis.addEventListener?.("beforeunload", (event) => {
  if ([...senders.values()].some((sender) => sender.left > 0)) event.preventDefault();
});
