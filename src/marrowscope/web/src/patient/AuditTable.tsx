import type { ReactNode } from "react";
import type { AuditEntry } from "../api/shapes";
import { usePages } from "../hooks";
import { Problem } from "../parts/basics";
import { t, when } from "../strings";

/** Entries of the history: time, user, action, and values before and after. */
export function AuditTable({ path }: { path: string }): ReactNode {
  const { items, error, more } = usePages<AuditEntry>(path);
  return (
    <>
      <Problem message={error} />
      {items?.length === 0 ? <p className="soft">{t.audit.none}</p> : null}
      {items && items.length > 0 ? (
        <div className="card" style={{ overflow: "auto" }}>
          <table className="table">
            <thead>
              <tr>
                <th className="number">{t.audit.number}</th>
                <th>{t.audit.at}</th>
                <th>{t.audit.actor}</th>
                <th>{t.audit.action}</th>
                <th>{t.audit.subject}</th>
                <th>{t.audit.before}</th>
                <th>{t.audit.after}</th>
              </tr>
            </thead>
            <tbody>
              {items.map((entry) => (
                <tr key={entry.number} title={entry.hash}>
                  <td className="number faint">{entry.number}</td>
                  <td className="small">{when(entry.at)}</td>
                  <td>{entry.actor}</td>
                  <td>{entry.action}</td>
                  <td className="audit-value">{subject(entry.subject)}</td>
                  <td className="audit-value">{asText(entry.before)}</td>
                  <td className="audit-value">{asText(entry.after)}</td>
                </tr>
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
    </>
  );
}

/** Shorten identifiers and digests to the part that distinguishes them. */
const short = (text: string): string => text.replace(/\b([0-9a-f]{8})(?:[0-9a-f]{24}|[0-9a-f]{56})\b/g, "$1");

function subject(value: AuditEntry["subject"]): string {
  return short(`${value.kind} ${value.id ?? ""}`);
}

function asText(value: unknown): string {
  if (value === null || value === undefined) return "";
  if (typeof value === "number") return String(Math.round(value * 100) / 100);
  if (typeof value !== "object") return short(String(value));
  if (Array.isArray(value)) return value.map(asText).join(", ");
  const text = Object.entries(value)
    .map(([name, part]) => `${name.replaceAll("_", " ")}: ${asText(part) || t.unavailable}`)
    .join("; ");
  return text.length > 240 ? `${text.slice(0, 240)} …` : text;
}
