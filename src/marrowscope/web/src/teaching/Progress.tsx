import type { ReactNode } from "react";
import { post } from "../api/client";
import type { Teaching } from "../api/shapes";
import { useAction } from "../hooks";
import { Meter, Problem, Waiting } from "../parts/basics";
import { t } from "../strings";

/** A teaching at work: how far it is, how long it takes, and a way to end it. */
export function Progress({ teaching, onChange }: { teaching: Teaching; onChange: () => void }): ReactNode {
  const { busy, error, run } = useAction();
  const words = t.teaching.progress;
  const cancel = (): void =>
    run(async () => {
      await post(`/teachings/${teaching.id}/cancel`, {});
      onChange();
    });
  const isQueued = teaching.status === "queued";
  const step = words[teaching.stage](teaching.done, teaching.total);
  const seconds = teaching.seconds_left;
  return (
    <section className="card padded stack" aria-labelledby="teaching-progress" data-testid="teaching">
      <div className="row">
        <h2 id="teaching-progress" className="grow">
          {words.title(teaching.number)}
        </h2>
        <button type="button" className="button compact" disabled={busy} onClick={cancel}>
          {t.cancel}
        </button>
      </div>
      <p role="status">
        {isQueued ? words.queued : step}
        {!isQueued && seconds !== null && seconds !== undefined ? <span className="soft"> · {words.ofStep(t.activity.left(seconds))}</span> : null}
      </p>
      {isQueued || teaching.done === 0 ? <Waiting label={words.title(teaching.number)} /> : <Meter value={teaching.done / teaching.total} label={words.title(teaching.number)} />}
      <p className="small soft">{words.lot(teaching.learned_from, teaching.kept_out)}</p>
      <Problem message={error} />
    </section>
  );
}
