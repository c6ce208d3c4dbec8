/** Uploads of all patients, which continue while other pages are shown. */
import { DONE_MS } from "../activity/tasks";
import { messageOf, post, Problem, Unreachable, upload, type SameName } from "../api/client";
import type { Analysis, Patient } from "../api/shapes";

export type FileStatus = "waiting" | "sending" | "retrying" | "stored" | "duplicate" | "refused" | "lost" | "asking" | "left";

export interface FileRow {
  name: string;
  file: File;
  status: FileStatus;
  progress: number;
  message: string | null;
  sameName: SameName | null;
}

/** Files whose names the patient has with another content; `settle` says what becomes of the first, or of all. */
export interface Question {
  number: number;
  job: UploadJob;
  rows: FileRow[];
  settle: (choice: SameName, forAll: boolean) => void;
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
export const FINAL = new Set<FileStatus>(["stored", "duplicate", "refused", "lost", "left"]);

class UploadManager {
  jobs: UploadJob[] = [];
  version = 0;
  private readonly listeners = new Set<() => void>();
  private number = 0;
  private questions: Question[] = [];

  readonly subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  readonly snapshot = (): number => this.version;

  get busy(): boolean {
    return this.jobs.some((job) => job.files.some((file) => !FINAL.has(file.status)) && !job.message);
  }

  /** What the user is to be asked next. */
  get question(): Question | null {
    return this.questions[0] ?? null;
  }

  /** Upload files for a patient, who is created first if new; returns when everything is done. */
  async start(name: string, patient: string | null, files: File[], analyse: AnalyseOptions | null, onPatient?: (id: string) => void): Promise<void> {
    const job: UploadJob = {
      id: ++this.number,
      name,
      patient,
      files: files.map((file) => ({ name: file.name, file, status: "waiting", progress: 0, message: null, sameName: null })),
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
      await this.sendAll(job, job.files);
      await this.askAndSend(job);
      await this.analyse(job);
    } catch (error) {
      job.message = messageOf(error);
    }
    this.notify();
    if (isAllWell(job)) setTimeout(() => this.forget(job), DONE_MS);
  }

  private forget(job: UploadJob): void {
    this.jobs = this.jobs.filter((one) => one !== job);
    this.notify();
  }

  stop(job: UploadJob): void {
    job.abort.abort();
    for (const question of this.questions.filter((one) => one.job === job)) question.settle("cancel", true);
    for (const row of job.files) if (!FINAL.has(row.status)) row.status = "lost";
    this.notify();
  }

  clear(): void {
    this.jobs = this.jobs.filter((job) => !job.message && job.files.some((file) => !FINAL.has(file.status)));
    this.notify();
  }

  private async sendAll(job: UploadJob, rows: FileRow[]): Promise<void> {
    const queue = [...rows];
    const worker = async (): Promise<void> => {
      for (let row = queue.shift(); row; row = queue.shift()) await this.send(job, row);
    };
    await Promise.all(Array.from({ length: TOGETHER }, worker));
  }

  /** Ask about all files that have to be asked about, once everything else is sent. */
  private async askAndSend(job: UploadJob): Promise<void> {
    for (let rows = asking(job); rows.length > 0 && !job.abort.signal.aborted; rows = asking(job)) {
      const settled = await this.ask(job, rows);
      if (job.abort.signal.aborted) return;
      // An archive holds other files, too, so it is sent even though some of it is left out.
      const left = settled.filter((row) => row.sameName === "cancel" && !row.name.toLowerCase().endsWith(".zip"));
      for (const row of left) row.status = "left";
      await this.sendAll(job, settled.filter((row) => row.status !== "left"));
    }
  }

  private ask(job: UploadJob, rows: FileRow[]): Promise<FileRow[]> {
    return new Promise((resolve) => {
      const settle = (choice: SameName, forAll: boolean): void => {
        const settled = forAll ? rows : rows.slice(0, 1);
        for (const row of settled) row.sameName = choice;
        this.questions = this.questions.filter((one) => one !== question);
        this.notify();
        resolve(settled);
      };
      const question: Question = { number: ++this.number, job, rows, settle };
      this.questions.push(question);
      this.notify();
    });
  }

  private async send(job: UploadJob, row: FileRow): Promise<void> {
    const key = crypto.randomUUID();
    for (let attempt = 0; attempt < TRIES && !job.abort.signal.aborted; attempt++) {
      row.status = "sending";
      row.progress = 0;
      this.notify();
      try {
        const items = await upload(job.patient ?? "", [{ file: row.file, name: row.name }], { key, sameName: row.sameName }, (sent) => this.progress(row, sent), job.abort.signal);
        const refused = items.filter((item) => item.status === "refused");
        row.status = items.length === 0 || refused.length === items.length ? "refused" : items.every((item) => item.status === "duplicate") ? "duplicate" : "stored";
        // The response for a ZIP has a row for each file in it; refused ones are listed.
        row.message = refused.map((item) => (item.name === row.name ? item.message : `${item.name}: ${item.message}`)).join("; ") || null;
        this.notify();
        return;
      } catch (error) {
        if (job.abort.signal.aborted) return;
        if (error instanceof Problem && error.is("same-name")) {
          row.status = "asking";
          this.notify();
          return;
        }
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

/** Whether a file has something to tell besides that it was stored. */
export const isTelling = (file: FileRow): boolean => file.status !== "stored" || file.message !== null;

const isAllWell = (job: UploadJob): boolean => job.message === null && !job.files.some(isTelling);

function asking(job: UploadJob): FileRow[] {
  return job.files.filter((row) => row.status === "asking");
}

export const uploads = new UploadManager();

globalThis.addEventListener?.("beforeunload", (event) => {
  if (uploads.busy) event.preventDefault();
});
