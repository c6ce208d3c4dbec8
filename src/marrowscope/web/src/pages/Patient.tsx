import { useCallback, useEffect, useMemo, useRef, useState, type ReactNode } from "react";
import { useSeconds } from "../activity/Activity";
import { get, getAll, post, remove } from "../api/client";
import { listen } from "../api/events";
import type { Analysis, Field, Page, Patient as PatientShape, Reading } from "../api/shapes";
import { useKnown } from "../context";
import { useAction, useLoaded, type Loaded } from "../hooks";
import { DecisionPill, Link, Menu, Meter, Problem, StatusWord } from "../parts/basics";
import { AgainDialog } from "../patient/AgainDialog";
import { AuditTable } from "../patient/AuditTable";
import { CarriedStrip } from "../patient/CarriedStrip";
import { CasePanel } from "../patient/CasePanel";
import { ExportMenu } from "../patient/Exports";
import { Fields } from "../patient/Fields";
import { isMine, Readings } from "../patient/Readings";
import { ReasonDialog } from "../patient/ReasonDialog";
import { SignDialog } from "../patient/SignDialog";
import { Versions } from "../patient/Versions";
import type { ReviewStore } from "../review/state/store";
import { useReviewStore } from "../review/state/useStore";
import { Workspace } from "../review/Workspace";
import { go } from "../route";
import { t, when } from "../strings";

const QUIET_MS = 1500; // after the last news of a review
const TABS = ["review", "case", "fields", "readings", "versions", "audit"] as const;

export function Patient({ id, tab }: { id: string; tab: string }): ReactNode {
  const { user } = useKnown();
  const patient = useLoaded(id, (signal) => get<PatientShape>(`/patients/${id}`, signal));
  const fields = useLoaded(`${id} fields`, (signal) => getAll<Field>(`/patients/${id}/fields?limit=500`, signal));
  const analysis = patient.data?.analysis ?? null;
  const readable = analysis?.status === "done";
  const readings = useLoaded(readable ? analysis.id : null, (signal) => get<Page<Reading>>(`/analyses/${analysis?.id}/readings`, signal));
  const reloadPatient = patient.reload;
  const reloadFields = fields.reload;
  const reload = useCallback(() => {
    reloadPatient();
    reloadFields();
  }, [reloadPatient, reloadFields]);
  usePatientNews(id, analysis, patient, reload, reloadFields);

  if (patient.error && !patient.data) {
    return (
      <div className="empty">
        <h2>{t.notFound.title}</h2>
        <p>{patient.error}</p>
        <Link to="/" className="button">
          {t.back}
        </Link>
      </div>
    );
  }
  if (!patient.data || !fields.data) return <p className="empty">{t.loading}</p>;
  const mine = readings.data?.items.find((one) => one.kind === "second" && one.status === "open" && isMine(one, user)) ?? null;
  const shared = { patient: patient.data, fields: fields.data, tab, mine, readings: readings.data?.items ?? [], onReload: reload, onReadings: readings.reload };
  if (analysis && ((readable && readings.data) || hasCellsToSee(analysis))) return <Read key={analysis.id} {...shared} analysis={analysis} />;
  return <Frame {...shared} analysis={analysis} store={null} />;
}

/** Whether there are cells to look at while other fields are still read. */
function hasCellsToSee(analysis: Analysis): boolean {
  return analysis.status === "running" && analysis.cells > 0;
}

interface Shared {
  patient: PatientShape;
  fields: Field[];
  tab: string;
  mine: Reading | null;
  readings: Reading[];
  onReload: () => void;
  onReadings: () => void;
}

/** A patient with cells to review; the store exists as long as the page. */
function Read(props: Shared & { analysis: Analysis }): ReactNode {
  const { user } = useKnown();
  const { analysis } = props;
  const store = useReviewStore(analysis, props.mine?.id ?? null, user.role !== "viewer");
  // The cells of every field that is read are added to those shown.
  useEffect(() => {
    if (store && analysis.status === "running") store.others.more();
  }, [store, analysis.status, analysis.done]);
  return <Frame {...props} store={store} />;
}

function Frame(props: Shared & { analysis: Analysis | null; store: ReviewStore | null }): ReactNode {
  const { patient, analysis, tab, store, mine } = props;
  const { user } = useKnown();
  const [dialog, setDialog] = useState<"sign" | "amend" | "again" | "delete" | null>(null);
  const { busy, error, run } = useAction();
  const mayChange = user.role !== "viewer";
  const start = (path: string, body: unknown = {}): void =>
    run(async () => {
      await post(path, body);
      props.onReload();
    });
  const close = (): void => setDialog(null);
  const active = analysis?.status === "queued" || analysis?.status === "running";
  return (
    <div className="patient">
      <header className="patient-head">
        <Link to="/" className="button quiet compact">
          ‹ {t.back}
        </Link>
        <h1 className="clip" title={patient.name}>
          {patient.name}
        </h1>
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
            <Link key={one} to={one === "review" ? `/patients/${patient.id}` : `/patients/${patient.id}/${one}`} current={one === tab}>
              {t.patient.tabs[one]}
            </Link>
          ))}
        </nav>
        <span className="grow" />
        {analysis?.status === "done" && !mine ? <ExportMenu analysis={analysis.id} /> : null}
        {mayChange ? (
          <>
            {analysis?.status === "done" && !analysis.locked && !mine && store ? (
              <button type="button" className="button primary compact" onClick={() => setDialog("sign")}>
                {t.patient.sign}
              </button>
            ) : null}
            {analysis?.locked ? (
              <button type="button" className="button compact" onClick={() => setDialog("amend")}>
                {t.patient.amend}
              </button>
            ) : null}
            <Menu label="⋯" title={t.patient.more} plain className="button quiet compact">
              <button type="button" disabled={busy || active} onClick={() => (analysis ? setDialog("again") : start(`/patients/${patient.id}/analyses`))}>
                {analysis ? t.patient.analyseAgain : t.patient.analyse}
              </button>
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
                <button type="button" onClick={() => setDialog("delete")}>
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
      <Banner {...props} />
      {analysis?.status === "done" && !analysis.locked && !mine ? <CarriedStrip analysis={analysis} /> : null}
      <div className="patient-body">
        <Tab {...props} />
      </div>
      {dialog === "sign" && store ? (
        <SignDialog
          store={store}
          specimen={patient.specimen}
          onClose={close}
          onSigned={() => {
            close();
            props.onReload();
          }}
        />
      ) : null}
      {dialog === "again" ? (
        <AgainDialog
          patient={patient.id}
          onClose={close}
          onSubmit={async () => {
            await post(`/patients/${patient.id}/analyses`);
            close();
            props.onReload();
          }}
        />
      ) : null}
      {dialog === "amend" && analysis ? (
        <ReasonDialog
          title={t.sign.amendTitle}
          lead={t.sign.amendLead}
          label={t.sign.reason}
          submit={t.sign.amendSubmit}
          onClose={close}
          onSubmit={async (reason) => {
            await post(`/analyses/${analysis.id}/amendments`, { reason });
            close();
            props.onReload();
          }}
        />
      ) : null}
      {dialog === "delete" ? (
        <ReasonDialog
          title={t.patient.remove}
          lead={t.patient.removeLead}
          label={t.patient.removeReason}
          submit={t.patient.remove}
          danger
          onClose={close}
          onSubmit={async (reason) => {
            await remove(`/patients/${patient.id}`, { reason });
            go("/", true);
          }}
        />
      ) : null}
    </div>
  );
}

/** Notices for this page: signed report, blind reading, viewer only. */
function Banner({ patient, mine }: Shared): ReactNode {
  const { user } = useKnown();
  if (mine) return <div className="strip plain">{t.readings.blind}</div>;
  if (patient.signed) {
    const { version, by, at, state } = patient.signed;
    return (
      <div className="strip plain" data-testid="signed">
        <strong>{t.patient.signed(version, by, when(at))}</strong> <span className="soft">{state === "current" ? t.patient.locked : t.patient.notCurrent[state]}</span>
      </div>
    );
  }
  if (user.role === "viewer") return <div className="strip plain">{t.patient.viewerOnly}</div>;
  return null;
}

function Tab(props: Shared & { analysis: Analysis | null; store: ReviewStore | null }): ReactNode {
  const { patient, analysis, fields, tab, store } = props;
  if (tab === "case") {
    return (
      <CasePanel
        patient={patient}
        locked={analysis?.locked ?? false}
        onSaved={() => {
          props.onReload();
          void store?.refresh();
        }}
      />
    );
  }
  if (tab === "fields") return <Fields patient={patient} fields={fields} onChange={props.onReload} />;
  if (tab === "audit") {
    return (
      <div className="page">
        <h2>{t.audit.title}</h2>
        <AuditTable path={`/patients/${patient.id}/audit`} csv={`/patients/${patient.id}/audit.csv`} isOfPatient />
      </div>
    );
  }
  if (tab === "versions" && (patient.signed || analysis?.status === "done")) return <Versions patient={patient} analysis={analysis} />;
  if (store && analysis && hasCellsToSee(analysis)) {
    return (
      <div className="patient">
        <Live analysis={analysis} />
        <div className="patient-body">
          <Workspace store={store} fields={fields} />
        </div>
      </div>
    );
  }
  if (!analysis || analysis.status !== "done") return <Progress {...props} />;
  if (tab === "readings") return <Readings analysis={analysis} readings={props.readings} mine={props.mine} onChange={props.onReadings} />;
  return store ? <Workspace store={store} fields={fields} /> : null;
}

function Progress({ patient, analysis, fields, onReload }: Shared & { analysis: Analysis | null }): ReactNode {
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
function Live({ analysis }: { analysis: Analysis }): ReactNode {
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

/** Follow the patient's analysis: progress is shown directly, other changes reload it. */
function usePatientNews(id: string, analysis: Analysis | null, patient: Loaded<PatientShape>, reload: () => void, reloadFields: () => void): void {
  const now = useRef({ analysis, patient });
  now.current = { analysis, patient };
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const stop = listen((news) => {
      const { analysis: known, patient: shown } = now.current;
      if (news.kind === "patient" && news.id !== id) return;
      if (news.kind === "analysis") {
        if (news.analysis.patient_id !== id) return;
        const goesOn = known?.id === news.analysis.id && known.status === news.analysis.status && news.analysis.status === "running";
        if (goesOn && shown.data) {
          shown.set({ ...shown.data, analysis: news.analysis });
          // The field just read can be looked at from now on.
          if (known.done !== news.analysis.done) reloadFields();
          return;
        }
      }
      // During a review, events concern the review itself: its cells are in the store, the rest can wait.
      const reviewing = known?.status === "done" && (news.kind !== "analysis" || (news.analysis.id === known.id && news.analysis.locked === known.locked));
      clearTimeout(timer);
      timer = setTimeout(reviewing ? shown.reload : reload, reviewing ? QUIET_MS : 0);
    });
    return () => {
      stop();
      clearTimeout(timer);
    };
  }, [id, reload, reloadFields]);
}
