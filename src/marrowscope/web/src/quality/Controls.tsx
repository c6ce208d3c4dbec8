import { useState, type FormEvent, type ReactNode } from "react";
import { API, get, getAll, post, put } from "../api/client";
import type { Analysis, Control, ControlDetail, Page, Patient } from "../api/shapes";
import { useKnown } from "../context";
import { useAction, useLoaded, useNews } from "../hooks";
import { number } from "../locale";
import { Dialog, Labelled, Link, Loading, Problem } from "../parts/basics";
import { Table } from "../parts/lists";
import { ReasonDialog } from "../patient/ReasonDialog";
import { likeBefore } from "../patient/shown";
import { go } from "../route";
import { t, when } from "../strings";
import { mayBeOccasion } from "./Alarms";
import { ControlChart, keyOf, readerOf, useMeasure } from "./ControlChart";

/** All control slides, and the chosen one's charts. */
export function Controls({ id }: { id: string | null }): ReactNode {
  const { user } = useKnown();
  const controls = useLoaded("controls", (signal) => get<Page<Control>>("/controls", signal));
  useNews(controls.reload, mayBeOccasion);
  const [adding, setAdding] = useState(false);
  const shown = controls.data?.items.find((one) => one.id === id) ?? controls.data?.items[0];
  return (
    <>
      <p className="soft">{t.quality.lead}</p>
      <Problem message={controls.error} />
      {controls.data || controls.error ? null : <Loading />}
      <div className="row wrap">
        {controls.data && controls.data.items.length > 0 ? (
          <select className="input" style={{ width: "auto" }} aria-label={t.quality.slide} value={shown?.id ?? ""} onChange={(event) => go(`/quality/controls/${event.target.value}`)}>
            {controls.data.items.map((one) => (
              <option key={one.id} value={one.id}>
                {one.name}
              </option>
            ))}
          </select>
        ) : null}
        {user.role === "viewer" ? null : (
          <button type="button" className="button" onClick={() => setAdding(true)}>
            {t.quality.add}
          </button>
        )}
      </div>
      {controls.data?.items.length === 0 ? <p className="card empty">{t.quality.none}</p> : null}
      {shown?.hidden ? <p className="card empty">{t.quality.hidden}</p> : null}
      {shown && !shown.hidden ? <Slide key={shown.id} id={shown.id} /> : null}
      {adding ? (
        <AddDialog
          onClose={() => setAdding(false)}
          onAdded={(made) => {
            setAdding(false);
            controls.reload();
            go(`/quality/controls/${made}`);
          }}
        />
      ) : null}
    </>
  );
}

function AddDialog({ onClose, onAdded }: { onClose: () => void; onAdded: (id: string) => void }): ReactNode {
  const [name, setName] = useState("");
  const [first, setFirst] = useState("20");
  const [target, setTarget] = useState("");
  const { busy, error, run } = useAction();
  const signed = useLoaded("signed", (signal) => getAll<Patient>("/patients?status=signed&limit=500&controls=true", signal));
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    run(async () => onAdded((await post<Control>("/controls", { name: name.trim(), first: Number(first), target_id: target || null })).id));
  };
  return (
    <Dialog
      title={t.quality.add}
      onClose={onClose}
      foot={
        <button type="submit" form="control-form" className="button primary" disabled={busy || !name.trim()}>
          {t.quality.submit}
        </button>
      }
    >
      <form id="control-form" className="stack" onSubmit={submit}>
        <Labelled label={t.quality.name}>
          <input className="input" required maxLength={200} value={name} onChange={(event) => setName(event.target.value)} />
        </Labelled>
        <Labelled label={t.quality.first} hint={t.quality.firstHint}>
          <input className="input" type="number" min={10} max={100} required value={first} onChange={(event) => setFirst(event.target.value)} />
        </Labelled>
        <Labelled label={t.quality.expected}>
          <select className="input" value={target} onChange={(event) => setTarget(event.target.value)}>
            <option value="">{t.quality.expectedFirst}</option>
            {signed.data?.map((patient) => (
              <option key={patient.id} value={patient.analysis?.id ?? ""}>
                {t.quality.expectedCase(patient.name)}
              </option>
            ))}
          </select>
        </Labelled>
        <Problem message={error ?? signed.error} />
      </form>
    </Dialog>
  );
}

function Slide({ id }: { id: string }): ReactNode {
  const { user } = useKnown();
  const control = useLoaded(id, (signal) => get<ControlDetail>(`/controls/${id}`, signal));
  useNews(control.reload, mayBeOccasion);
  const [chosen, setChosen] = useState<string | null>(null);
  const [acknowledging, setAcknowledging] = useState(false);
  const nameOf = useMeasure();
  const found = control.data;
  if (!found) return control.error ? <Problem message={control.error} /> : <Loading />;
  const open = found.charts.flatMap((chart) => chart.points.flatMap((point) => (point.signal && !point.acknowledged ? [{ chart, key: point.signal }] : [])));
  const chart = found.charts.find((one) => keyOf(one) === chosen) ?? open[0]?.chart ?? found.charts.find((one) => one.reader === "" && one.measure === "blast");
  return (
    <>
      {found.signals > 0 ? (
        <div className="alarm" role="status" data-testid="alarm">
          <span className="grow">{t.quality.alarm(found.name, found.causes.map((cause) => t.quality.drifted[cause]).join("; "))}</span>
          {user.role === "viewer" ? null : (
            <button type="button" className="button compact" onClick={() => setAcknowledging(true)}>
              {t.quality.acknowledge}
            </button>
          )}
        </div>
      ) : null}
      <p>
        {t.quality.occasions(found.occasions)}. {found.missing > 0 ? t.quality.missing(found.missing) : null}{" "}
        {found.target_gone_at ? t.quality.targetGone(when(found.target_gone_at)) : null}
      </p>
      {chart ? (
        <div className="card charts">
          <nav aria-label={t.quality.charts}>
            {found.charts.map((one) => {
              const isOut = open.some((signal) => signal.chart === one);
              return (
                <button key={keyOf(one)} type="button" aria-pressed={one === chart} className={isOut ? "out" : ""} onClick={() => setChosen(keyOf(one))}>
                  <span className="small faint">{readerOf(one)}</span> {nameOf(one.measure)} {isOut ? "◆" : null}
                </button>
              );
            })}
          </nav>
          <ControlChart key={`${keyOf(chart)} ${chart.points.length}`} control={found} chart={chart} />
        </div>
      ) : null}
      {found.occasions > 0 ? (
        <div>
          <a className="button compact" href={`${API}/controls/${id}/charts.csv`} download="">
            {t.quality.download}
          </a>
        </div>
      ) : null}
      <Occasions control={found} onChange={control.reload} />
      {found.acknowledgements.length > 0 ? (
        <>
          <h2>{t.quality.acknowledgedTitle}</h2>
          <ul>
            {found.acknowledgements.map((one) => (
              <li key={one.id}>{t.quality.acknowledged(one.by, when(one.at), one.reason)}</li>
            ))}
          </ul>
        </>
      ) : null}
      {acknowledging ? (
        <ReasonDialog
          title={t.quality.acknowledge}
          lead={t.quality.acknowledgeLead}
          label={t.quality.reason}
          submit={t.quality.acknowledge}
          onClose={() => setAcknowledging(false)}
          onSubmit={async (reason) => {
            await post(`/controls/${id}/acknowledgements`, { signals: open.map((signal) => signal.key), reason });
            setAcknowledging(false);
            control.reload();
          }}
        />
      ) : null}
    </>
  );
}

/** Every reading of the slide, and a way to add another. */
function Occasions({ control, onChange }: { control: ControlDetail; onChange: () => void }): ReactNode {
  const { user } = useKnown();
  const { busy, error, run } = useAction();
  const [waiting, setWaiting] = useState(false);
  const mayChange = user.role !== "viewer";
  const hasTarget = control.target_id !== null;
  const mark = (patient: string, to: string | null): void =>
    run(async () => {
      await put(`/patients/${patient}/control`, { control_id: to });
      onChange();
    });
  return (
    <>
      <h2>{t.quality.occasionsTitle}</h2>
      <Problem message={error} />
      {waiting ? <p role="status">{t.quality.againDone}</p> : null}
      {mayChange ? <Add busy={busy} onMark={(patient) => mark(patient, control.id)} key={control.occasions} /> : null}
      {control.seen.length > 0 ? (
        <div className="card">
          <Table heads={[t.quality.when, t.quality.patient, t.quality.bundle, { number: t.quality.cells }, { number: t.quality.flagged }, hasTarget && t.quality.agreement, null]}>
            {[...control.seen].reverse().map((one) => (
              <tr key={one.analysis_id}>
                <td>{when(one.at)}</td>
                <td>
                  <Link to={`/patients/${one.patient_id}`}>{one.patient}</Link>
                </td>
                <td>{one.bundle}</td>
                <td className="number">{number(one.counted)}</td>
                <td className="number">{t.of(one.flagged, one.images)}</td>
                {hasTarget ? <td>{one.agreements.map((told) => t.quality.agreed(told.reader || t.quality.networks, told.agreed, told.cells)).join("; ")}</td> : null}
                <td className="number">
                  {mayChange ? (
                    <>
                      <button type="button" className="button quiet compact" disabled={busy} onClick={() => run(async () => { await post(`/patients/${one.patient_id}/analyses`, likeBefore(await get<Analysis>(`/analyses/${one.analysis_id}`))); setWaiting(true); })}>
                        {t.quality.again}
                      </button>
                      <button type="button" className="button quiet compact" disabled={busy} onClick={() => mark(one.patient_id, null)}>
                        {t.quality.unmark}
                      </button>
                    </>
                  ) : null}
                </td>
              </tr>
            ))}
          </Table>
        </div>
      ) : null}
    </>
  );
}

function Add({ busy, onMark }: { busy: boolean; onMark: (patient: string) => void }): ReactNode {
  const patients = useLoaded("unmarked", (signal) => getAll<Patient>("/patients?limit=500", signal));
  const [patient, setPatient] = useState("");
  return (
    <form className="row wrap" onSubmit={(event) => { event.preventDefault(); onMark(patient); }}>
      <Labelled label={t.quality.markLabel} hint={t.quality.markHint}>
        <select className="input" required value={patient} onChange={(event) => setPatient(event.target.value)}>
          <option value="">{t.quality.choose}</option>
          {patients.data?.map((one) => (
            <option key={one.id} value={one.id}>
              {one.name}
            </option>
          ))}
        </select>
      </Labelled>
      <button type="submit" className="button" disabled={busy || !patient}>
        {t.quality.mark}
      </button>
      <Problem message={patients.error} />
    </form>
  );
}
