/** Work that takes the service a while: it goes on while other pages are shown, and can be stopped. */
import { API, errorOf, messageOf } from "../api/client";

export type TaskState = "running" | "done" | "failed";

export interface Task {
  id: number;
  name: string;
  state: TaskState;
  startedAt: number;
  /** Bytes received so far; null before the first. */
  received: number | null;
  message: string | null;
  /** Null where the work cannot be stopped any more. */
  stop: (() => void) | null;
}

/** What is done is shown for so long. */
export const DONE_MS = 6000;

class Tasks {
  all: Task[] = [];
  version = 0;
  private readonly listeners = new Set<() => void>();
  private number = 0;

  readonly subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  readonly snapshot = (): number => this.version;

  get busy(): boolean {
    return this.all.some((task) => task.state === "running");
  }

  /** Follow a piece of work; its failure is passed on to who started it, and shown unless they tell it themselves. */
  async run<T>(name: string, work: (task: Task) => Promise<T>, stop: (() => void) | null = null, isToldThere: () => boolean = () => false): Promise<T> {
    const task: Task = { id: ++this.number, name, state: "running", startedAt: Date.now(), received: null, message: null, stop };
    this.all = [task, ...this.all];
    this.notify();
    try {
      const result = await work(task);
      task.state = "done";
      setTimeout(() => this.forget(task), DONE_MS);
      return result;
    } catch (error) {
      if (isToldThere() || (error instanceof DOMException && error.name === "AbortError")) this.forget(task);
      task.state = "failed";
      task.message = messageOf(error);
      throw error;
    } finally {
      task.stop = null;
      this.notify();
    }
  }

  /** Have a file made and save it. */
  download(name: string, path: string, fileName: string): void {
    const abort = new AbortController();
    const work = async (task: Task): Promise<void> => {
      const { blob, name: named } = await this.receive(task, path, abort.signal);
      save(blob, named ?? fileName);
    };
    this.run(name, work, () => abort.abort()).catch(() => undefined); // shown in the panel
  }

  forget(task: Task): void {
    this.all = this.all.filter((one) => one !== task);
    this.notify();
  }

  private async receive(task: Task, path: string, signal: AbortSignal): Promise<{ blob: Blob; name: string | null }> {
    const answer = await fetch(API + path, { credentials: "same-origin", signal });
    if (!answer.ok) throw await errorOf(answer);
    const parts: Uint8Array<ArrayBuffer>[] = [];
    const reader = answer.body?.getReader();
    for (let part = await reader?.read(); part && !part.done; part = await reader?.read()) {
      parts.push(part.value);
      task.received = (task.received ?? 0) + part.value.length;
      this.notify();
    }
    const blob = new Blob(parts, { type: answer.headers.get("Content-Type") ?? "" });
    return { blob, name: nameIn(answer.headers.get("Content-Disposition") ?? "") };
  }

  private notify(): void {
    this.version += 1;
    for (const listener of this.listeners) listener();
  }
}

function save(content: Blob, name: string): void {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(content);
  link.download = name;
  link.click();
  // The browser has taken the content over by then.
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}

export const tasks = new Tasks();

globalThis.addEventListener?.("beforeunload", (event) => {
  if (tasks.busy) event.preventDefault();
});

/** The file's name as the service states it: with patient and version. */
export function nameIn(disposition: string): string | null {
  const coded = /filename\*=utf-8''([^;]+)/i.exec(disposition)?.[1];
  if (coded) return decodeURIComponent(coded);
  return /filename="([^"]+)"/i.exec(disposition)?.[1] ?? null;
}
