import type { ReactNode } from "react";
import { post } from "../api/client";
import { useKnown } from "../context";
import { useAction } from "../hooks";
import { DecisionPill, Link, Menu, Problem, StatusWord } from "../parts/basics";
import { patientAddress } from "../route";
import { t } from "../strings";
import { worklistAddress } from "../worklist/filters";
import type { DialogName } from "./Dialogs";
import { ExportMenu } from "./Exports";
import { isActive, type ShownCells } from "./shown";

const TABS = ["review", "case", "fields", "readings", "versions", "audit"] as const;

/** Name, verdict and tabs of a patient, and what can be done with it. */
export function Head({ patient, analysis, tab, store, mine, onReload, onDialog }: ShownCells & { onDialog: (name: DialogName) => void }): ReactNode {
  const { user } = useKnown();
  const { busy, error, run } = useAction();
  const mayChange = user.role !== "viewer";
  const active = isActive(analysis);
  const start = (path: string, body: unknown = {}): void =>
    run(async () => {
      await post(path, body);
      onReload();
    });
  return (
    <>
      <header className="patient-head">
        <Link to={worklistAddress()} className="button quiet compact">
          ‹ {t.worklist.title}
        </Link>
        <h1>{patient.name}</h1>
        {patient.result && !mine ? <DecisionPill decision={patient.result.decision} /> : <StatusWord status={patient.status} />}
        {patient.specimen === "not stated" ? (
          mayChange && tab !== "case" && !analysis?.locked && !mine ? (
            <Link to={`/patients/${patient.id}/case`} className="small">
              {t.details.state}
            </Link>
          ) : null
        ) : (
          <span className="soft small">{t.details.specimens[patient.specimen]}</span>
        )}
        <nav className="tabs" aria-label={patient.name}>
          {TABS.map((one) => (
            <Link key={one} to={one === "review" ? patientAddress(patient.id) : `/patients/${patient.id}/${one}`} current={one === tab}>
              {t.patient.tabs[one]}
            </Link>
          ))}
        </nav>
        <span className="grow" />
        {analysis?.status === "done" && !mine ? <ExportMenu analysis={analysis.id} /> : null}
        {mayChange ? (
          <>
            {analysis?.status === "done" && !analysis.locked && !mine && store ? (
              <button type="button" className="button primary compact" onClick={() => onDialog("sign")}>
                {t.patient.sign}
              </button>
            ) : null}
            {analysis?.locked ? (
              <button type="button" className="button compact" onClick={() => onDialog("amend")}>
                {t.patient.amend}
              </button>
            ) : null}
            <Menu label="⋯" title={t.patient.more} plain className="button quiet compact">
              <button type="button" disabled={busy || active} onClick={() => (analysis ? onDialog("again") : start(`/patients/${patient.id}/analyses`))}>
                {analysis ? t.again.title : t.patient.analyse}
              </button>
              {active ? null : (
                <button type="button" onClick={() => onDialog("live")}>
                  {t.live.start}
                </button>
              )}
              {active && analysis ? (
                <button type="button" onClick={() => start(`/analyses/${analysis.id}/cancel`)}>
                  {t.patient.cancelAnalysis}
                </button>
              ) : null}
              {analysis && !active && (analysis.failed > 0 || analysis.status !== "done") && !analysis.locked ? (
                <button type="button" onClick={() => start(`/analyses/${analysis.id}/retry`)}>
                  {t.patient.retry}
                </button>
              ) : null}
              {user.role === "admin" ? (
                <button type="button" onClick={() => onDialog("delete")}>
                  {t.patient.remove}
                </button>
              ) : null}
            </Menu>
          </>
        ) : null}
      </header>
      {error ? (
        <div className="strip">
          <Problem message={error} />
        </div>
      ) : null}
    </>
  );
}
