import { useCallback, useEffect, useRef, useState, type DragEvent, type ReactNode } from "react";
import { listen } from "../api/events";
import type { Patient, PatientStatus } from "../api/shapes";
import { thresholdOf, useKnown } from "../context";
import { addDemoCase } from "../firstrun/demo";
import { useAction, usePages, useSettled } from "../hooks";
import { DecisionPill, Link, Meter, Problem, StatusWord } from "../parts/basics";
import { IntervalBar, IntervalScale } from "../parts/IntervalBar";
import { Alarms } from "../quality/Alarms";
import { go } from "../route";
import { t, when } from "../strings";
import { readDrop, type Batch } from "../upload/dropped";
import { UploadDialog } from "../upload/UploadDialog";

const STATUSES: PatientStatus[] = ["done", "signed", "running", "queued", "ready", "failed", "cancelled", "empty"];
const RELOAD_MS = 400;

export function Worklist(): ReactNode {
  const { user } = useKnown();
  const [search, setSearch] = useState("");
  const [status, setStatus] = useState("");
  const settled = useSettled(search, 200);
  const { items: patients, error, reload, more } = usePages<Patient>(`/patients${queryOf(settled.trim(), status)}`);
  const [batches, setBatches] = useState<Batch[] | null>(null);
  useNews(reload);
  const demo = useAction();
  const mayAdd = user.role !== "viewer";
  const drop = useDrop(mayAdd, setBatches);
  return (
    <div className="page" {...drop.handlers} style={{ minHeight: "100%" }}>
      <div className="row wrap">
        <h1 className="grow">{t.worklist.title}</h1>
        <input className="input" style={{ width: "16rem" }} type="search" placeholder={t.worklist.search} aria-label={t.worklist.search} value={search} onChange={(event) => setSearch(event.target.value)} />
        <select className="input" style={{ width: "auto" }} aria-label={t.worklist.status} value={status} onChange={(event) => setStatus(event.target.value)}>
          <option value="">{t.worklist.all}</option>
          {STATUSES.map((one) => (
            <option key={one} value={one}>
              {t.statuses[one]}
            </option>
          ))}
        </select>
        {mayAdd ? (
          <button type="button" className="button primary" onClick={() => setBatches([])}>
            {t.worklist.add}
          </button>
        ) : null}
      </div>
      <Problem message={error} />
      <Alarms />
      {patients?.length === 0 ? (
        <div className="card empty">
          {search || status ? (
            <p>{t.worklist.nothingFound}</p>
          ) : (
            <>
              <h2>{t.worklist.empty}</h2>
              <p>{t.worklist.emptyLead}</p>
              {mayAdd ? (
                <>
                  <p>{t.firstRun.demoLead}</p>
                  <button type="button" className="button" disabled={demo.busy} onClick={() => demo.run(addDemoCase)}>
                    {t.firstRun.addDemo}
                  </button>
                  <p className="small soft">{t.firstRun.tourLead}</p>
                  <Problem message={demo.error} />
                </>
              ) : null}
            </>
          )}
        </div>
      ) : null}
      {patients && patients.length > 0 ? (
        <div className="card worklist">
          <table className="table">
            <thead>
              <tr>
                <th />
                <th>{t.worklist.patient}</th>
                <th>{t.worklist.status}</th>
                <th>{t.worklist.decision}</th>
                <th className="number">{t.worklist.blasts}</th>
                <th>
                  <IntervalScale />
                </th>
                <th>{t.worklist.reviewed}</th>
                <th>{t.worklist.created}</th>
              </tr>
            </thead>
            <tbody>
              {patients.map((patient) => (
                <Row key={patient.id} patient={patient} />
              ))}
            </tbody>
          </table>
        </div>
      ) : null}
      {more ? (
        <button type="button" className="button" onClick={more}>
          {t.worklist.more}
        </button>
      ) : null}
      {drop.over ? <div className="drop-veil">{t.worklist.drop}</div> : null}
      {batches ? <UploadDialog batches={batches} onClose={() => setBatches(null)} onPatient={reload} /> : null}
    </div>
  );
}

function queryOf(search: string, status: string): string {
  const query = new URLSearchParams({ limit: "50" });
  if (search) query.set("search", search);
  if (status) query.set("status", status);
  return `?${query}`;
}

function Row({ patient }: { patient: Patient }): ReactNode {
  const { settings } = useKnown();
  const { result, analysis } = patient;
  const threshold = thresholdOf(settings, analysis?.rule ?? settings.rule);
  const address = `/patients/${patient.id}`;
  return (
    <tr onClick={() => go(address)}>
      <td style={{ width: 60 }}>{patient.thumbnail ? <img className="thumb" src={patient.thumbnail} alt="" loading="lazy" /> : <span className="thumb" />}</td>
      <td>
        <span onClick={(event) => event.stopPropagation()}>
          <Link to={address} className="name">
            {patient.name}
          </Link>
        </span>
        <div className="small faint">
          {t.fields(patient.fields)}
          {patient.fields_failed ? <span className="error"> · {t.worklist.failedFields(patient.fields_failed)}</span> : null}
        </div>
      </td>
      <td>
        <StatusWord status={patient.status} />
        {analysis && (patient.status === "running" || patient.status === "queued") ? (
          <div className="row">
            <Meter value={analysis.total ? analysis.done / analysis.total : 0} label={t.patient.progress(analysis.done, analysis.total)} />
            <span className="small faint">{t.of(analysis.done, analysis.total)}</span>
          </div>
        ) : null}
        {patient.signed ? <div className="small faint">{t.worklist.signedBy(patient.signed.version, patient.signed.by)}</div> : null}
        {patient.signed && patient.signed.state !== "current" ? <div className="small soft">{t.worklist.signedBefore[patient.signed.state]}</div> : null}
      </td>
      <td>{result ? <DecisionPill decision={result.decision} /> : <span className="faint">{t.unavailable}</span>}</td>
      <td className="number">
        {result ? (
          <>
            <strong>{t.percent(result.blast_percent)}</strong>
            <div className="small faint">{typeof result.adjusted_percent === "number" ? t.interval(result.adjusted_low ?? null, result.adjusted_high ?? null) : t.differential.nothingDecides}</div>
          </>
        ) : null}
      </td>
      <td className="blasts">
        {result ? (
          <IntervalBar percent={result.adjusted_percent ?? null} low={result.adjusted_low ?? null} high={result.adjusted_high ?? null} threshold={threshold.percent} condition={threshold.condition} decision={result.decision} />
        ) : null}
      </td>
      <td className="small soft">{result ? t.worklist.reviewedCells(result.reviewed_cells) : null}</td>
      <td className="small soft">{when(patient.created_at)}</td>
    </tr>
  );
}

/** Reload soon after the service reports changes, once for any number of them. */
function useNews(reload: () => void): void {
  const timer = useRef<ReturnType<typeof setTimeout> | undefined>(undefined);
  useEffect(() => {
    const stop = listen(() => {
      timer.current ??= setTimeout(() => {
        timer.current = undefined;
        reload();
      }, RELOAD_MS);
    });
    return () => {
      stop();
      clearTimeout(timer.current);
      timer.current = undefined;
    };
  }, [reload]);
}

/** Handle files dragged over an element and dropped on it. */
export function useDrop(enabled: boolean, onDrop: (batches: Batch[]) => void): { over: boolean; handlers: object } {
  const [depth, setDepth] = useState(0);
  const holdsFiles = (event: DragEvent): boolean => enabled && event.dataTransfer.types.includes("Files");
  const dropped = useCallback((data: DataTransfer) => void readDrop(data).then((batches) => batches.length > 0 && onDrop(batches)), [onDrop]);
  const handlers = {
    onDragEnter: (event: DragEvent) => holdsFiles(event) && (event.preventDefault(), setDepth((now) => now + 1)),
    onDragOver: (event: DragEvent) => holdsFiles(event) && event.preventDefault(),
    onDragLeave: (event: DragEvent) => holdsFiles(event) && setDepth((now) => Math.max(now - 1, 0)),
    onDrop: (event: DragEvent) => {
      if (!holdsFiles(event)) return;
      event.preventDefault();
      setDepth(0);
      dropped(event.dataTransfer);
    },
  };
  return { over: depth > 0, handlers };
}
