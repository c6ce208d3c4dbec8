/** Dropped or chosen files as patients: individual files are one patient, and each folder is another. */

export interface Batch {
  /** The folder's name, or "" for individual files. */
  name: string;
  files: File[];
}

const HIDDEN = /^(\.|Thumbs\.db$|desktop\.ini$)/i;

/** Read dropped files, including all contents of folders. */
export async function readDrop(data: DataTransfer): Promise<Batch[]> {
  // Entries must be read before the first await, as the browser then empties the list.
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

/** Group the files of a folder chooser by folder. */
export function byFolder(files: File[]): Batch[] {
  const found = new Map<string, File[]>();
  for (const file of files.filter((one) => !HIDDEN.test(one.name))) {
    const parts = file.webkitRelativePath.split("/");
    // In a chosen folder of folders, each is a patient; a chosen folder of images is one patient.
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
