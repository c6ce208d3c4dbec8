import { useCallback, useEffect, useState, type ReactNode } from "react";
import { get, getAll } from "../api/client";
import type { Analysis, Field, Page, Patient as PatientShape, Reading } from "../api/shapes";
import { useKnown } from "../context";
import { useLoaded } from "../hooks";
import { LivePanel } from "../live/LivePanel";
import { Link, Loading } from "../parts/basics";
import { AuditTable } from "../patient/AuditTable";
import { AddedStrip, Banner } from "../patient/Banner";
import { CarriedStrip } from "../patient/CarriedStrip";
import { CasePanel } from "../patient/CasePanel";
import { Dialogs, type DialogName } from "../patient/Dialogs";
import { Fields } from "../patient/Fields";
import { Head } from "../patient/Head";
import { usePatientNews } from "../patient/news";
import { Live, Progress } from "../patient/Progress";
import { isMine, Readings } from "../patient/Readings";
import { hasCellsToSee, isBeingRead, type Shown, type ShownCells } from "../patient/shown";
import { Tags } from "../patient/Tags";
import { Versions } from "../patient/Versions";
import { AskDialog } from "../requests/AskDialog";
import { CaseRequests } from "../requests/CaseRequests";
import { RequestsContext, useRequestsOf } from "../requests/ofPatient";
import { WaitingStrip } from "../requests/WaitingStrip";
import { useReviewStore } from "../review/state/useStore";
import { Workspace } from "../review/Workspace";
import { targetOf, usePath } from "../route";
import { t } from "../strings";
import { worklistAddress } from "../worklist/filters";

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
        <h2>{t.notFound}</h2>
        <p>{patient.error}</p>
        <Link to={worklistAddress()} className="button">
          {t.worklist.title}
        </Link>
      </div>
    );
  }
  if (!patient.data || !fields.data) return <Loading />;
  const mine = readings.data?.items.find((one) => one.kind === "second" && one.status === "open" && isMine(one, user)) ?? null;
  const isKnown = !readable || readings.data !== null; // whether the user reads the patient blind
  const cells = analysis && ((readable && isKnown) || hasCellsToSee(analysis)) ? analysis : null;
  return <Frame patient={patient.data} fields={fields.data} tab={tab} mine={mine} readings={readings.data?.items ?? []} onReload={reload} onReadings={readings.reload} analysis={analysis} cells={cells} isKnown={isKnown} />;
}

/** The page of a patient; it stays in place, with an open dialog, while cells come and readings are loaded. */
function Frame({ cells, isKnown, ...shown }: Shown & { analysis: Analysis | null; cells: Analysis | null; isKnown: boolean }): ReactNode {
  const { user } = useKnown();
  const { patient, analysis, mine, fields } = shown;
  const store = useReviewStore(cells, mine?.id ?? null, user.role !== "viewer");
  const props: ShownCells = { ...shown, store };
  // The cells of every field that is read are added to those shown.
  useEffect(() => {
    if (store && isBeingRead(analysis)) store.others.more();
  }, [store, analysis?.status, analysis?.done]);
  const [dialog, setDialog] = useState<DialogName | null>(null);
  const isBlind = !isKnown || mine !== null;
  const requests = useRequestsOf(patient.id, isBlind);
  const path = usePath();
  const [isAsked] = useState(() => targetOf(path) !== null);
  return (
    <RequestsContext.Provider value={requests}>
      <div className="patient">
        <Head {...props} onDialog={setDialog} />
        <Banner {...props} />
        <AddedStrip {...props} onRead={() => setDialog("again")} />
        {analysis?.status === "done" && !analysis.locked && isKnown && !mine ? <CarriedStrip analysis={analysis} /> : null}
        {shown.tab === "case" ? null : <WaitingStrip isOpen={isAsked} />}
        {analysis?.status === "live" ? (
          <LivePanel patient={patient} analysis={analysis}>
            <Tab {...props} isBlind={isBlind} />
          </LivePanel>
        ) : (
          <div className="patient-body">
            <Tab {...props} isBlind={isBlind} />
          </div>
        )}
        <Dialogs {...props} name={dialog} onClose={() => setDialog(null)} />
        {requests.about ? <AskDialog patient={patient.id} fields={fields} about={requests.about} onAsked={requests.reload} onClose={requests.close} /> : null}
      </div>
    </RequestsContext.Provider>
  );
}

function Tab(props: ShownCells & { isBlind: boolean }): ReactNode {
  const { user } = useKnown();
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
      >
        <Tags patient={patient} onChange={props.onReload} />
        <CaseRequests />
      </CasePanel>
    );
  }
  if (tab === "fields") return <Fields patient={patient} fields={fields} isBlind={props.isBlind} onChange={props.onReload} onAnswer={() => void store?.refresh()} />;
  if (tab === "audit") {
    return (
      <div className="page">
        <h2>{t.patient.tabs.audit}</h2>
        <AuditTable path={`/patients/${patient.id}/audit`} csv={`/patients/${patient.id}/audit.csv`} isOfPatient />
      </div>
    );
  }
  if (tab === "versions" && (patient.signed || analysis?.status === "done")) return <Versions patient={patient} analysis={analysis} />;
  if (store && analysis && hasCellsToSee(analysis)) {
    const found = <Workspace key={store.analysis.id} store={store} fields={fields} />;
    return analysis.status === "live" ? found : (
      <div className="patient">
        <Live analysis={analysis} />
        <div className="patient-body">{found}</div>
      </div>
    );
  }
  if (analysis?.status === "live") {
    return (
      <div className="empty">
        <h2>{t.live.none}</h2>
        <p>{user.role === "viewer" ? null : t.live.drop}</p>
      </div>
    );
  }
  if (!analysis || analysis.status !== "done") return <Progress {...props} />;
  if (tab === "readings") return <Readings analysis={analysis} readings={props.readings} mine={props.mine} onChange={props.onReadings} />;
  return store ? <Workspace key={store.analysis.id} store={store} fields={fields} /> : null;
}
