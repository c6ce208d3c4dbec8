import { useState, type ReactNode } from "react";
import { get } from "../api/client";
import type { Analysis, Carried, LostAnswer } from "../api/shapes";
import { useTypes } from "../context";
import { useLoaded } from "../hooks";
import { t } from "../strings";

/** Answers of an earlier analysis that found no cell in this one; nothing where all did. */
export function CarriedStrip({ analysis }: { analysis: Analysis }): ReactNode {
  const [open, setOpen] = useState(false);
  const found = useLoaded(`${analysis.id} ${analysis.finished_at} carried`, (signal) => get<Carried>(`/analyses/${analysis.id}/carried`, signal));
  if (!found.data || found.data.lost.length === 0) return null;
  const { carried, lost } = found.data;
  return (
    <div className="strip tall" data-testid="carried">
      <div className="row wrap">
        <strong>{t.carried.lost(lost.length)}.</strong>
        <span className="soft">{t.carried.title(carried)}</span>
        <button type="button" className="button compact" aria-expanded={open} onClick={() => setOpen(!open)}>
          {open ? t.hide : t.show}
        </button>
      </div>
      {open ? <LostTable lost={lost} /> : null}
    </div>
  );
}

function LostTable({ lost }: { lost: LostAnswer[] }): ReactNode {
  const types = useTypes();
  const answer = (one: LostAnswer): string =>
    [one.deleted ? t.carried.deleted : one.type ? (types.get(one.type)?.name ?? one.type) : "", one.comments > 0 ? t.carried.comments(one.comments) : ""]
      .filter(Boolean)
      .join(", ");
  return (
    <div className="stack tight">
      <p className="soft">{t.carried.lead}</p>
      <div className="lost" tabIndex={0} role="region" aria-label={t.carried.lost(lost.length)}>
        <table className="table">
          <thead>
            <tr>
              <th>{t.carried.field}</th>
              <th className="number">{t.carried.cell}</th>
              <th>{t.carried.answer}</th>
              <th>{t.carried.by}</th>
              <th>{t.carried.why}</th>
            </tr>
          </thead>
          <tbody>
            {lost.map((one) => (
              <tr key={`${one.field} ${one.number}`}>
                <td>{one.field}</td>
                <td className="number">{one.number}</td>
                <td>{answer(one)}</td>
                <td>{one.by ?? t.unavailable}</td>
                <td>{t.carried.reasons[one.why]}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </div>
  );
}
