/** A folder of this computer that a capture program writes to, followed by the browser (File System Access). */

/** What is needed of the browser's file system; not every browser has it. */
interface FileHandle {
  kind: "file";
  name: string;
  getFile(): Promise<File>;
}
export interface FolderHandle {
  kind: "directory";
  name: string;
  values(): AsyncIterable<FileHandle | FolderHandle>;
}
type Picker = (options: { mode: "read" }) => Promise<FolderHandle>;

const LOOK_MS = 400;
const IMAGE = /\.(jpe?g|png|tiff?|webp|bmp|jp2|ome)$/i;

const picker = (): Picker | undefined => (globalThis as { showDirectoryPicker?: Picker }).showDirectoryPicker;

/** Whether this browser can follow a folder. */
export const canFollow = (): boolean => picker() !== undefined;

/** Ask which folder to follow; null if nobody chose one. */
export async function chooseFolder(): Promise<FolderHandle | null> {
  try {
    return (await picker()?.({ mode: "read" })) ?? null;
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") return null;
    throw error;
  }
}

/** Takes every image of a folder once it no longer changes, and again when it has changed. */
export class Follower {
  private readonly seen = new Map<string, string>();
  private readonly taken = new Map<string, string>();
  private isFirst = true;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private stopped = false;

  constructor(
    private readonly folder: FolderHandle,
    private readonly takesEarlier: boolean,
    private readonly take: (file: File, name: string) => void,
    private readonly lost: () => void,
  ) {}

  start(): void {
    void this.look().then(
      () => {
        if (!this.stopped) this.timer = setTimeout(() => this.start(), LOOK_MS);
      },
      () => this.stopped || this.lost(),
    );
  }

  stop(): void {
    this.stopped = true;
    clearTimeout(this.timer);
  }

  /** Look at the folder once. */
  async look(): Promise<void> {
    const found: { file: File; name: string; version: string }[] = [];
    for await (const { file, name } of filesOf(this.folder, "")) {
      const version = `${file.size} ${file.lastModified}`;
      if (this.isFirst && !this.takesEarlier) this.taken.set(name, version);
      // One that changed since the last look may still be written.
      else if (this.seen.get(name) === version && this.taken.get(name) !== version) found.push({ file, name, version });
      this.seen.set(name, version);
    }
    this.isFirst = false;
    found.sort((a, b) => a.file.lastModified - b.file.lastModified || a.name.localeCompare(b.name));
    for (const { file, name, version } of found) {
      if (this.stopped) return;
      this.taken.set(name, version);
      this.take(file, name);
    }
  }
}

async function* filesOf(folder: FolderHandle, above: string): AsyncGenerator<{ file: File; name: string }> {
  for await (const entry of folder.values()) {
    const name = above + entry.name;
    if (entry.name.startsWith(".")) continue;
    if (entry.kind === "directory") yield* filesOf(entry, `${name}/`);
    else if (IMAGE.test(entry.name)) {
      try {
        yield { file: await entry.getFile(), name };
      } catch {
        // Renamed when it was finished, as capture programs do, or deleted: the next look finds it.
      }
    }
  }
}
