import type { ReactNode } from "react";
import { get } from "../api/client";
import type { TestResult } from "../api/shapes";
import { useTypes } from "../context";
import { useLoaded } from "../hooks";
import { number, withInterval } from "../locale";
import { Link, Loading, Problem } from "../parts/basics";
import { Confusion } from "../parts/Confusion";
import { Table } from "../parts/lists";
import { t, when } from "../strings";
import { kappaOf } from "./Learning";

/** A learner's result: kappa, blasts found, each type, and the cells to look at again. */
export function Result({ id }: { id: string }): ReactNode {
  const result = useLoaded(id, (signal) => get<TestResult>(`/proficiency/${id}/result`, signal));
  const types = useTypes();
  const name = (type: string): string => types.get(type)?.name ?? type;
  const found = result.data;
  if (!found) return result.error ? <Problem message={result.error} /> : <Loading />;
  const { sensitivity } = found;
  return (
    <>
      <div className="row">
        <Link to="/quality/learning" className="button quiet compact">
          ‹ {t.proficiency.back}
        </Link>
        <h2>
          {found.learner}, {found.patient}
        </h2>
        <span className="soft">{when(found.finished_at)}</span>
      </div>
      <div className="headline" data-testid="kappa">
        <span className="soft">{t.readings.kappa}</span>
        <span className="big">{kappaOf(found)}</span>
        <span>{t.proficiency.agreed(found.result?.agreed ?? 0, found.result?.cells ?? 0)}</span>
        <span className="soft">{t.proficiency.progress(found.named, found.cells)}</span>
      </div>
      {sensitivity ? (
        <div className="headline quiet" data-testid="sensitivity">
          <span className="soft">{t.proficiency.sensitivity}</span>
          <span className="big">{t.percent(sensitivity.percent)}</span>
          <span className="soft">{t.interval(sensitivity.ci_low, sensitivity.ci_high)}</span>
          <span>{t.of(found.found_blasts ?? 0, found.signed_blasts ?? 0)}</span>
        </div>
      ) : null}
      <h2>{t.proficiency.missed(found.missed.length)}</h2>
      <ul className="missed">
        {found.missed.map((cell) => (
          <li key={cell.cell_id} data-testid="missed">
            <img src={`${cell.crop}?size=224`} alt={t.proficiency.missedCell(name(cell.signed), name(cell.named))} loading="lazy" />
            <span className="small">{t.proficiency.missedCell(name(cell.signed), name(cell.named))}</span>
            <span className="small faint">{t.inspector.place(cell.field, cell.number)}</span>
          </li>
        ))}
      </ul>
      <h2>{t.proficiency.byType}</h2>
      <div className="card">
        <Table heads={[t.proficiency.type, { number: t.proficiency.signed }, { number: t.proficiency.yours }, { number: t.proficiency.both }, { number: t.readings.kappa }]}>
          {found.types.map((one) => (
            <tr key={one.type}>
              <td>{name(one.type)}</td>
              <td className="number">{number(one.signed)}</td>
              <td className="number">{number(one.named)}</td>
              <td className="number">{number(one.both)}</td>
              <td className="number">{one.kappa === null ? t.unavailable : withInterval(one.kappa, one.ci_low, one.ci_high, 2)}</td>
            </tr>
          ))}
        </Table>
      </div>
      <Confusion table={found.table} label={t.proficiency.table} />
    </>
  );
}
