import type { ReactNode } from "react";
import type { Teaching } from "../api/shapes";
import { t, when } from "../strings";
import { Comparison } from "./Result";

/** Every teaching that has ended, with what came of it. */
export function PastTeachings({ teachings }: { teachings: Teaching[] }): ReactNode {
  return (
    <section className="card padded stack" aria-labelledby="past-teachings">
      <h2 id="past-teachings">{t.teaching.past.title}</h2>
      {teachings.map((one) => (
        <details key={one.id} data-testid="past-teaching">
          <summary>
            {t.teaching.progress.title(one.number)} · {when(one.created_at)} · {one.by} · {t.teaching.past.status[one.status]}
            {one.decision ? `, ${t.teaching.past.decisions[one.decision]}` : ""}
          </summary>
          <div className="stack">
            <p className="small soft">
              {t.teaching.past.line(cellsOf(one), one.from_title)} · {t.teaching.progress.lot(one.learned_from, one.kept_out)} · {t.teaching.past.lot(one.seed)}
            </p>
            {one.message ? <p className="error">{one.message}</p> : null}
            {one.decision ? <p>{t.teaching.past.decided(t.teaching.past.decisions[one.decision] ?? one.decision, one.decided_by ?? "", when(one.decided_at), one.reason ?? "")}</p> : null}
            {one.result ? <Comparison taught={one.result} patients={one.kept_out} /> : null}
          </div>
        </details>
      ))}
    </section>
  );
}

const cellsOf = (teaching: Teaching): number => Object.values(teaching.types).reduce((sum, count) => sum + count, 0);
