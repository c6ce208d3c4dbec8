import { useMemo, type ReactNode } from "react";
import { useSeconds } from "../activity/Activity";
import { post } from "../api/client";
import type { Analysis } from "../api/shapes";
import { useKnown } from "../context";
import { useAction } from "../hooks";
import { Meter, Problem } from "../parts/basics";
import { t } from "../strings";
import type { Shown } from "./shown";

/** What is to be seen instead of cells: how far the analysis is, or why there is none. */
export function Progress({ patient, analysis, fields, onReload }: Shown & { analysis: Analysis | null }): ReactNode {
  const { user } = useKnown();
  const { busy, error, run } = useAction();
  if (analysis?.status === "queued" || analysis?.status === "running") {
    return (
      <div className="empty">
        <h2>{t.statuses[analysis.status]}</h2>
        <div style={{ width: "24rem", maxWidth: "100%" }}>
          <Meter value={analysis.total ? analysis.done / analysis.total : 0} label={t.patient.progress(analysis.done, analysis.total)} />
        </div>
        <p>
          {t.patient.progress(analysis.done, analysis.total)}
          <TimeLeft analysis={analysis} />
        </p>
        {analysis.blasts === null ? null : <p className="soft">{t.patient.found(analysis.cells, analysis.blasts)}</p>}
      </div>
    );
  }
  return (
    <div className="empty">
      <h2>{analysis ? t.statuses[analysis.status] : t.patient.notAnalysed}</h2>
      <p className={analysis?.status === "failed" ? "error" : ""}>{analysis?.message ?? t.patient.noCells}</p>
      <Problem message={error} />
      {user.role === "viewer" || fields.length === 0 ? null : (
        <button type="button" className="button primary" disabled={busy} onClick={() => run(async () => { await post(analysis ? `/analyses/${analysis.id}/retry` : `/patients/${patient.id}/analyses`); onReload(); })}>
          {analysis ? t.retry : t.patient.analyse}
        </button>
      )}
    </div>
  );
}

/** How far the reading of the fields is, above the cells found so far. */
export function Live({ analysis }: { analysis: Analysis }): ReactNode {
  return (
    <div className="strip plain" role="status" data-testid="live">
      <span style={{ width: "10rem" }}>
        <Meter value={analysis.total ? analysis.done / analysis.total : 0} label={t.patient.progress(analysis.done, analysis.total)} />
      </span>
      <span>
        {t.patient.progress(analysis.done, analysis.total)}
        <TimeLeft analysis={analysis} />
      </span>
      <span className="soft">{t.activity.live}</span>
    </div>
  );
}

/** How long the reading will take if it goes on as it did. */
function TimeLeft({ analysis }: { analysis: Analysis }): ReactNode {
  const startedAt = analysis.started_at ? Date.parse(analysis.started_at) : Number.NaN;
  // Taken with each field that is read; in between, time passes for what is left, too.
  const perField = useMemo(() => (analysis.done > 0 ? (Date.now() - startedAt) / 1000 / analysis.done : null), [analysis.done, startedAt]);
  const passed = useSeconds(startedAt, true);
  if (perField === null || Number.isNaN(perField)) return null;
  return ` · ${t.activity.left(Math.max(perField * analysis.total - passed, 0))}`;
}
