import { useState, type ReactNode } from "react";
import { get } from "../api/client";
import type { Analysis, Carried, LostAnswer } from "../api/shapes";
import { useTypes } from "../context";
import { keepHere, keptHere } from "../display";
import { useLoaded } from "../hooks";
import { Table } from "../parts/lists";
import { t } from "../strings";

/** What an analysis took over from an earlier one, and answers that found no cell; nothing where it began anew. */
export function CarriedStrip({ analysis }: { analysis: Analysis }): ReactNode {
  const [open, setOpen] = useState(false);
  const seen = `carried ${analysis.id}`;
  const [isSeen, setSeen] = useState(() => keptHere(seen) !== "");
  const found = useLoaded(`${analysis.id} ${analysis.finished_at} carried`, (signal) => get<Carried>(`/analyses/${analysis.id}/carried`, signal));
  if (!found.data) return null;
  const { carried, lost, fields_taken, fields_read } = found.data;
  if (lost.length === 0 && (isSeen || carried + fields_taken === 0)) return null;
  return (
    <div className={`strip tall${lost.length > 0 ? "" : " plain"}`} data-testid="carried">
      <div className="row wrap">
        {lost.length > 0 ? <strong>{t.carried.lost(lost.length)}.</strong> : null}
        {fields_taken > 0 ? <span>{t.carried.fields(fields_read, fields_taken)}</span> : null}
        {carried > 0 ? <span className="soft">{t.carried.title(carried)}</span> : null}
        {lost.length > 0 ? (
          <button type="button" className="button compact" aria-expanded={open} onClick={() => setOpen(!open)}>
            {open ? t.hide : t.show}
          </button>
        ) : (
          <button
            type="button"
            className="button quiet compact"
            onClick={() => {
              keepHere(seen, "seen");
              setSeen(true);
            }}
          >
            {t.close}
          </button>
        )}
      </div>
      {open ? <LostTable lost={lost} /> : null}
    </div>
  );
}

function LostTable({ lost }: { lost: LostAnswer[] }): ReactNode {
  const types = useTypes();
  const answer = (one: LostAnswer): string =>
    [one.deleted ? t.carried.deleted : one.type ? (types.get(one.type)?.name ?? one.type) : "", one.comments > 0 ? t.carried.comments(one.comments) : "", one.requests > 0 ? t.carried.requests(one.requests) : ""]
      .filter(Boolean)
      .join(", ");
  return (
    <div className="stack tight">
      <p className="soft">{t.carried.lead}</p>
      <div className="lost" tabIndex={0} role="region" aria-label={t.carried.lost(lost.length)}>
        <Table heads={[t.carried.field, { number: t.carried.cell }, t.carried.answer, t.carried.by, t.carried.why]}>
          {lost.map((one) => (
            <tr key={`${one.field} ${one.number}`}>
              <td>{one.field}</td>
              <td className="number">{one.number}</td>
              <td>{answer(one)}</td>
              <td>{one.by ?? t.unavailable}</td>
              <td>{t.carried.reasons[one.why]}</td>
            </tr>
          ))}
        </Table>
      </div>
    </div>
  );
}
