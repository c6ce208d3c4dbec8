/** Uploads of all patients, which continue while other pages are shown. */
import { messageOf, post, Problem, Unreachable, upload } from "../api/client";
import type { Analysis, Patient } from "../api/shapes";

export type FileStatus = "waiting" | "sending" | "retrying" | "stored" | "duplicate" | "refused" | "lost";

export interface FileRow {
  name: string;
  file: File;
  status: FileStatus;
  progress: number;
  message: string | null;
}

export interface UploadJob {
  id: number;
  name: string;
  patient: string | null;
  files: FileRow[];
  analyse: AnalyseOptions | null;
  started: boolean;
  message: string | null;
  abort: AbortController;
}

export interface AnalyseOptions {
  rule?: string;
  bundle?: string;
  mpp?: number;
}

const TRIES = 8;
const TOGETHER = 2;
export const FINAL = new Set<FileStatus>(["stored", "duplicate", "refused", "lost"]);

class UploadManager {
  jobs: UploadJob[] = [];
  version = 0;
  private readonly listeners = new Set<() => void>();
  private number = 0;

  readonly subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  readonly snapshot = (): number => this.version;

  get busy(): boolean {
    return this.jobs.some((job) => job.files.some((file) => !FINAL.has(file.status)) && !job.message);
  }

  /** Upload files for a patient, who is created first if new; returns when everything is done. */
  async start(name: string, patient: string | null, files: File[], analyse: AnalyseOptions | null, onPatient?: (id: string) => void): Promise<void> {
    const job: UploadJob = {
      id: ++this.number,
      name,
      patient,
      files: files.map((file) => ({ name: file.name, file, status: "waiting", progress: 0, message: null })),
      analyse,
      started: false,
      message: null,
      abort: new AbortController(),
    };
    this.jobs = [job, ...this.jobs];
    this.notify();
    try {
      job.patient ??= (await post<Patient>("/patients", { name })).id;
      onPatient?.(job.patient);
      const queue = [...job.files];
      const worker = async (): Promise<void> => {
        for (let row = queue.shift(); row; row = queue.shift()) await this.send(job, row);
      };
      await Promise.all(Array.from({ length: TOGETHER }, worker));
      await this.analyse(job);
    } catch (error) {
      job.message = messageOf(error);
    }
    this.notify();
  }

  stop(job: UploadJob): void {
    job.abort.abort();
    for (const row of job.files) if (!FINAL.has(row.status)) row.status = "lost";
    this.notify();
  }

  clear(): void {
    this.jobs = this.jobs.filter((job) => !job.message && job.files.some((file) => !FINAL.has(file.status)));
    this.notify();
  }

  private async send(job: UploadJob, row: FileRow): Promise<void> {
    const key = crypto.randomUUID();
    for (let attempt = 0; attempt < TRIES && !job.abort.signal.aborted; attempt++) {
      row.status = "sending";
      row.progress = 0;
      this.notify();
      try {
        const items = await upload(job.patient ?? "", [{ file: row.file, name: row.name }], key, (sent) => this.progress(row, sent), job.abort.signal);
        const refused = items.filter((item) => item.status === "refused");
        row.status = items.length === 0 || refused.length === items.length ? "refused" : items.every((item) => item.status === "duplicate") ? "duplicate" : "stored";
        // The response for a ZIP has a row for each file in it; refused ones are listed.
        row.message = refused.map((item) => (item.name === row.name ? item.message : `${item.name}: ${item.message}`)).join("; ") || null;
        this.notify();
        return;
      } catch (error) {
        if (job.abort.signal.aborted) return;
        const again = error instanceof Unreachable || (error instanceof Problem && error.status === 429);
        row.message = messageOf(error);
        row.status = again ? "retrying" : "refused";
        this.notify();
        if (!again) return;
        await new Promise((done) => setTimeout(done, Math.min(1000 * 2 ** attempt, 15_000)));
      }
    }
    if (!FINAL.has(row.status)) row.status = "lost";
    this.notify();
  }

  private async analyse(job: UploadJob): Promise<void> {
    if (!job.analyse || job.abort.signal.aborted || !job.files.some((file) => file.status === "stored")) return;
    await post<Analysis>(`/patients/${job.patient}/analyses`, job.analyse);
    job.started = true;
  }

  private progress(row: FileRow, sent: number): void {
    row.progress = sent;
    this.notify();
  }

  private notify(): void {
    this.version += 1;
    for (const listener of this.listeners) listener();
  }
}

export const uploads = new UploadManager();

globalThis.addEventListener?.("beforeunload", (event) => {
  if (uploads.busy) event.preventDefault();
});
