import type { ReactNode } from "react";
import type { Patient } from "../api/shapes";
import { thresholdOf, useKnown } from "../context";
import { DecisionPill, Link, Meter, StatusWord } from "../parts/basics";
import { IntervalBar } from "../parts/IntervalBar";
import { go, patientAddress } from "../route";
import { t, when } from "../strings";
import { chosenAddress, type Filters } from "./filters";

/** A patient in the worklist; a click on a tag shows all patients that have it. */
export function Row({ patient, filters }: { patient: Patient; filters: Filters }): ReactNode {
  const { settings } = useKnown();
  const { result, analysis } = patient;
  const threshold = thresholdOf(settings, analysis?.rule ?? settings.rule);
  const address = patientAddress(patient.id);
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
          {patient.added ? ` · ${t.worklist.added(patient.added)}` : null}
        </div>
        {patient.tags.length > 0 ? (
          <div className="tags" onClick={(event) => event.stopPropagation()}>
            {patient.tags.map((tag) => (
              <button key={tag} type="button" className="tag" onClick={() => go(chosenAddress({ ...filters, tag }), true)}>
                {tag}
              </button>
            ))}
          </div>
        ) : null}
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
        {patient.asked.length > 0 ? <div className="small soft">{t.worklist.waitsFor(patient.asked.join(", "))}</div> : null}
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
