/** What was dropped or chosen, as patients: loose files are one, each folder is one of its own. */

export interface Batch {
  /** The folder's name, or "" for loose files. */
  name: string;
  files: File[];
}

const HIDDEN = /^(\.|Thumbs\.db$|desktop\.ini$)/i;

/** Read a drop, folders with all that lies in them included. */
export async function readDrop(data: DataTransfer): Promise<Batch[]> {
  // Entries must be taken before the first await: the browser empties the list afterwards.
  const entries = [...data.items].map((item) => item.webkitGetAsEntry?.()).filter((entry) => entry !== null && entry !== undefined);
  if (entries.length === 0) return byFolder([...data.files]);
  const loose: File[] = [];
  const batches: Batch[] = [];
  for (const entry of entries) {
    const files = await filesOf(entry);
    if (entry.isDirectory) batches.push({ name: entry.name, files });
    else loose.push(...files);
  }
  if (loose.length > 0) batches.unshift({ name: "", files: loose });
  return batches.filter((batch) => batch.files.length > 0);
}

/** Sort files of a folder chooser by the folder they lie in. */
export function byFolder(files: File[]): Batch[] {
  const found = new Map<string, File[]>();
  for (const file of files.filter((one) => !HIDDEN.test(one.name))) {
    const parts = file.webkitRelativePath.split("/");
    // A chosen folder of folders holds a patient in each; a chosen folder of images is one patient.
    const name = parts.length > 2 ? (parts[1] ?? "") : parts.length > 1 ? (parts[0] ?? "") : "";
    found.set(name, [...(found.get(name) ?? []), file]);
  }
  return [...found].map(([name, list]) => ({ name, files: list }));
}

async function filesOf(entry: FileSystemEntry): Promise<File[]> {
  if (HIDDEN.test(entry.name)) return [];
  if (entry.isFile) return [await new Promise<File>((done, fail) => (entry as FileSystemFileEntry).file(done, fail))];
  const reader = (entry as FileSystemDirectoryEntry).createReader();
  const files: File[] = [];
  for (;;) {
    const some = await new Promise<FileSystemEntry[]>((done, fail) => reader.readEntries(done, fail));
    if (some.length === 0) return files;
    for (const child of some) files.push(...(await filesOf(child)));
  }
}
