import type { ReactNode } from "react";
import { get, post, Problem as ServiceProblem } from "../api/client";
import type { AgreedCells, Agreement, Analysis, Reading } from "../api/shapes";
import { useKnown } from "../context";
import { useAction, useLoaded } from "../hooks";
import { number, range } from "../locale";
import { Loading, Problem } from "../parts/basics";
import { Confusion } from "../parts/Confusion";
import { Table } from "../parts/lists";
import { go } from "../route";
import { t } from "../strings";

/** The readings of a patient, and the agreement of two of them. */
export function Readings(props: { analysis: Analysis; readings: Reading[]; mine: Reading | null; onChange: () => void }): ReactNode {
  const { analysis, readings, mine } = props;
  const { user } = useKnown();
  const { busy, error, run } = useAction();
  const finished = readings.some((one) => one.kind === "second" && one.status === "finished");
  const agreement = useLoaded(finished ? `${analysis.id} ${readings.map((one) => one.status).join(" ")} ${analysis.revision}` : null, async (signal) => {
    try {
      return { found: await get<Agreement>(`/analyses/${analysis.id}/agreement`, signal), message: "" };
    } catch (problem) {
      if (problem instanceof ServiceProblem && problem.status === 403) return { found: null, message: t.readings.hidden };
      if (problem instanceof ServiceProblem && (problem.status === 404 || problem.status === 409)) return { found: null, message: t.readings.notYet };
      throw problem;
    }
  });
  const done = readings.some((one) => one.kind === "second" && isMine(one, user) && one.status === "finished");
  return (
    <div className="page">
      <h2>{t.patient.tabs.readings}</h2>
      <p className="soft">{t.readings.lead}</p>
      <Problem message={error} />
      <div className="card">
        <Table heads={[t.readings.reader, t.worklist.status, { number: t.patient.tabs.review }, null]}>
          {readings.map((reading) => (
            <tr key={reading.id}>
              <td>{reading.kind === "first" ? t.readings.first : t.readings.second(reading.reader ?? t.unavailable)}</td>
              <td>{reading.kind === "first" && analysis.locked ? t.readings.signed : reading.status === "open" ? t.readings.open : t.readings.finished}</td>
              <td className="number">{reading.cells}</td>
              <td className="number">
                {mine?.id === reading.id ? (
                  <span className="row" style={{ justifyContent: "flex-end" }}>
                    <button type="button" className="button compact" onClick={() => go(`/patients/${analysis.patient_id}`)}>
                      {t.readings.resume}
                    </button>
                    <button type="button" className="button compact primary" title={t.readings.finishLead} disabled={busy} onClick={() => run(async () => { await post(`/readings/${reading.id}/finish`); props.onChange(); })}>
                      {t.readings.finish}
                    </button>
                  </span>
                ) : null}
              </td>
            </tr>
          ))}
        </Table>
      </div>
      {mine === null && !done && user.role !== "viewer" && !analysis.locked ? (
        <div>
          <button type="button" className="button" disabled={busy} onClick={() => run(async () => { await post(`/analyses/${analysis.id}/readings`); props.onChange(); })}>
            {t.readings.openSecond}
          </button>
        </div>
      ) : null}
      <h2>{t.readings.agreement}</h2>
      {agreement.data?.found ? <AgreementTable agreement={agreement.data.found} /> : finished && !agreement.data && !agreement.error ? <Loading /> : <p className="soft">{agreement.error ?? (agreement.data?.message || t.readings.notYet)}</p>}
    </div>
  );
}

export function isMine(reading: Reading, user: { id: string; username: string; name: string }): boolean {
  return [user.id, user.username, user.name].includes(reading.reader ?? "");
}

function AgreementTable({ agreement }: { agreement: Agreement }): ReactNode {
  return (
    <>
      <Kappa label={t.readings.bothAnswered} value={agreement} />
      {agreement.cells > 0 ? <Confusion table={agreement.table} label={t.readings.table(agreement.readers[0] ?? "", agreement.readers[1] ?? "")} /> : null}
      <h2>{t.readings.withNetworks}</h2>
      <p className="soft">{t.readings.withNetworksLead}</p>
      {agreement.networks.map((one) => (
        <Kappa key={one.reader} label={t.readings.readerAndNetworks(one.reader)} value={one} />
      ))}
    </>
  );
}

export function Kappa({ label, value }: { label: string; value: AgreedCells }): ReactNode {
  return (
    <div>
      <h3>{label}</h3>
      <div className="headline">
        <span className="soft">{t.readings.kappa}</span>
        <span className="big">{value.kappa === null ? t.unavailable : number(value.kappa, 2)}</span>
        {value.ci_low === null || value.ci_high === null ? null : (
          <span className="soft">
            {range(value.ci_low, value.ci_high, 2)}
          </span>
        )}
        <span>{t.readings.agreed(value.agreed, value.cells)}</span>
      </div>
    </div>
  );
}
