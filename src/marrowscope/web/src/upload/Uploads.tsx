import { useSyncExternalStore, type ReactNode } from "react";
import { Link, Meter } from "../parts/basics";
import { t } from "../strings";
import { FINAL, isTelling, uploads, type FileRow, type FileStatus, type UploadJob } from "./manager";

const words = (): Record<FileStatus, string> => ({
  waiting: t.upload.waiting,
  sending: "",
  retrying: t.upload.retrying,
  stored: t.upload.stored,
  duplicate: t.upload.duplicate,
  refused: t.upload.refused,
  lost: t.upload.lost,
  asking: t.upload.asking,
  left: t.upload.left,
});

/** Progress of all uploads, and the reason for every file that was refused. */
export function Uploads(): ReactNode {
  useSyncExternalStore(uploads.subscribe, uploads.snapshot);
  return (
    <div className="stack" aria-live="polite">
      {uploads.jobs.map((job) => (
        <Job key={job.id} job={job} />
      ))}
    </div>
  );
}

function Job({ job }: { job: UploadJob }): ReactNode {
  const done = job.files.filter((file) => FINAL.has(file.status)).length;
  const refused = job.files.filter((file) => file.status === "refused" || file.status === "lost").length;
  const all = done === job.files.length;
  // Finished files are hidden unless something was wrong with them.
  const telling = job.files.filter(isTelling).slice(0, 60);
  return (
    <section className="stack tight">
      <h3>
        {job.patient ? <Link to={`/patients/${job.patient}`}>{job.name}</Link> : job.name}
        <span>{t.upload.summary(done, job.files.length, refused)}</span>
      </h3>
      <Meter value={job.files.reduce((sum, file) => sum + (FINAL.has(file.status) ? 1 : file.progress), 0) / job.files.length} label={job.name} />
      {job.message ? <p className="error small">{job.message}</p> : null}
      {job.started ? <p className="small soft">{t.upload.started}</p> : null}
      {all && !job.files.some((file) => file.status === "stored") ? <p className="small soft">{t.upload.nothingStored}</p> : null}
      {all ? null : (
        <button type="button" className="button quiet compact" onClick={() => uploads.stop(job)}>
          {t.upload.stop}
        </button>
      )}
      {telling.map((file) => (
        <File key={file.name + file.file.webkitRelativePath} file={file} />
      ))}
    </section>
  );
}

function File({ file }: { file: FileRow }): ReactNode {
  const bad = file.status === "refused" || file.status === "lost" || (file.message !== null && file.status !== "retrying");
  return (
    <div className="file">
      <span className="clip">{file.name}</span>
      <span className={bad ? "error" : "soft"}>{words()[file.status] || t.percent(100 * file.progress)}</span>
      {file.status === "sending" ? <Meter value={file.progress} label={file.name} /> : null}
      {bad && file.message ? <span className="error why">{file.message}</span> : null}
    </div>
  );
}
