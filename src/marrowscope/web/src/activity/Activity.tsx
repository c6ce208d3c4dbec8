import { useEffect, useState, useSyncExternalStore, type ReactNode } from "react";
import { Meter, Waiting } from "../parts/basics";
import { t } from "../strings";
import { FINAL, uploads } from "../upload/manager";
import { SameNameDialog } from "../upload/SameNameDialog";
import { Uploads } from "../upload/Uploads";
import { tasks, type Task } from "./tasks";

/** Uploads and files in the making, below the page and never over it; one line until it is opened. */
export function Activity({ isRoomy }: { isRoomy: boolean }): ReactNode {
  useSyncExternalStore(uploads.subscribe, uploads.snapshot);
  useSyncExternalStore(tasks.subscribe, tasks.snapshot);
  const [chosen, setChosen] = useState<boolean | null>(null);
  // On a page without much room, only what needs the user opens the list by itself.
  const isOpen = chosen ?? isRoomy;
  if (uploads.jobs.length === 0 && tasks.all.length === 0) return null;
  const isBusy = uploads.busy || tasks.busy;
  return (
    <aside className="activity" aria-label={t.activity.title}>
      <header>
        <h2>{isBusy ? t.activity.title : t.activity.over}</h2>
        <div className="grow row clip" role="status">
          <Summary />
        </div>
        <button type="button" className="button quiet compact" aria-expanded={isOpen} onClick={() => setChosen(!isOpen)}>
          {isOpen ? t.hide : t.show}
        </button>
        <button
          type="button"
          className="button quiet compact"
          disabled={isBusy}
          onClick={() => {
            uploads.clear();
            for (const task of [...tasks.all]) tasks.forget(task);
          }}
        >
          {t.upload.clear}
        </button>
      </header>
      {isOpen ? (
        <div className="list">
          {tasks.all.map((task) => (
            <TaskRow key={task.id} task={task} />
          ))}
          <Uploads />
        </div>
      ) : null}
      {uploads.question ? <SameNameDialog key={uploads.question.number} question={uploads.question} /> : null}
    </aside>
  );
}

/** What goes on, in a line. */
function Summary(): ReactNode {
  const files = uploads.jobs.flatMap((job) => job.files);
  const done = files.filter((file) => FINAL.has(file.status)).length;
  const refused = files.filter((file) => file.status === "refused" || file.status === "lost").length;
  const running = tasks.all.find((task) => task.state === "running") ?? tasks.all[0];
  return (
    <>
      {running ? <TaskWords task={running} /> : null}
      {files.length > 0 ? (
        <>
          <span className="small">{t.upload.summary(done, files.length, refused)}</span>
          {done < files.length ? <Meter value={files.reduce((sum, file) => sum + (FINAL.has(file.status) ? 1 : file.progress), 0) / files.length} label={t.upload.panel} /> : null}
        </>
      ) : null}
    </>
  );
}

function TaskRow({ task }: { task: Task }): ReactNode {
  return (
    <section className="row">
      <span className="grow">
        <TaskWords task={task} />
      </span>
      {task.stop ? (
        <button type="button" className="button quiet compact" onClick={task.stop}>
          {t.upload.stop}
        </button>
      ) : null}
    </section>
  );
}

function TaskWords({ task }: { task: Task }): ReactNode {
  const seconds = useSeconds(task.startedAt, task.state === "running");
  if (task.state === "failed") return <span className="error small">{t.activity.failed(task.name, task.message ?? "")}</span>;
  if (task.state === "done") return <span className="small">{t.activity.done(task.name)}</span>;
  return (
    <span className="small row">
      <Waiting label={task.name} />
      {task.received === null ? t.activity.working(task.name, seconds) : t.activity.receiving(task.name, task.received)}
    </span>
  );
}

/** Seconds since an instant, counted on while something runs. */
export function useSeconds(since: number, isRunning: boolean): number {
  const [now, setNow] = useState(Date.now);
  useEffect(() => {
    if (!isRunning) return undefined;
    const timer = setInterval(() => setNow(Date.now()), 1000);
    return () => clearInterval(timer);
  }, [isRunning]);
  return Math.max(0, Math.round((now - since) / 1000));
}
