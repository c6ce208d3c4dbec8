import { useState, type ReactNode } from "react";
import { tasks } from "../activity/tasks";
import type { AuditEntry } from "../api/shapes";
import { useTypes } from "../context";
import { usePages, useSettled } from "../hooks";
import { Labelled, Problem } from "../parts/basics";
import { More, Table } from "../parts/lists";
import { lookUp, t, when } from "../strings";

interface Filter {
  actor: string;
  group: string;
  since: string;
  until: string;
}

const ALL: Filter = { actor: "", group: "", since: "", until: "" };

/** Entries of the history that a filter leaves: who did what to which cell or file, from what to what. */
export function AuditTable({ path, csv, isOfPatient }: { path: string; csv: string; isOfPatient: boolean }): ReactNode {
  const [filter, setFilter] = useState(ALL);
  const asked = queryOf(filter, useSettled(filter.actor, 250));
  const { items, error, more } = usePages<AuditEntry>(`${path}?limit=100${asked}`);
  const change = (part: Partial<Filter>): void => setFilter({ ...filter, ...part });
  return (
    <>
      <div className="row wrap audit-filter">
        <Labelled label={t.audit.actor}>
          <input className="input compact" type="search" value={filter.actor} onChange={(event) => change({ actor: event.target.value })} />
        </Labelled>
        <Labelled label={t.audit.action}>
          <select className="input compact" value={filter.group} onChange={(event) => change({ group: event.target.value })}>
            <option value="">{t.audit.all}</option>
            {Object.entries(t.audit.groups).map(([actions, name]) => (
              <option key={actions} value={actions}>
                {name}
              </option>
            ))}
          </select>
        </Labelled>
        <Labelled label={t.audit.since}>
          <input className="input compact" type="date" value={filter.since} onChange={(event) => change({ since: event.target.value })} />
        </Labelled>
        <Labelled label={t.audit.until}>
          <input className="input compact" type="date" value={filter.until} onChange={(event) => change({ until: event.target.value })} />
        </Labelled>
        <span className="grow" />
        <button type="button" className="button compact" onClick={() => tasks.download(t.audit.csv, `${csv}?${asked.slice(1)}`, "history.csv")}>
          {t.audit.csv}
        </button>
      </div>
      <Problem message={error} />
      {items?.length === 0 ? <p className="soft">{asked ? t.audit.noneFound : t.audit.none}</p> : null}
      {items && items.length > 0 ? (
        <div className="card" style={{ overflow: "auto" }}>
          <Table className="small" heads={[{ number: t.audit.number }, t.audit.at, t.audit.actor, t.audit.action, t.audit.subject, t.audit.before, t.audit.after]}>
            {items.map((entry) => (
              <Row key={entry.number} entry={entry} isOfPatient={isOfPatient} />
            ))}
          </Table>
        </div>
      ) : null}
      <More more={more} />
    </>
  );
}

function Row({ entry, isOfPatient }: { entry: AuditEntry; isOfPatient: boolean }): ReactNode {
  const types = useTypes();
  const shown = (value: unknown): string => (isAnswer(value) ? answerOf(value, (type) => types.get(type)?.name ?? type) : asText(value));
  return (
    <tr title={entry.hash}>
      <td className="number faint">{entry.number}</td>
      <td className="small">{when(entry.at)}</td>
      <td>{entry.actor}</td>
      <td>{lookUp(t.audit.actions, entry.action) ?? entry.action}</td>
      <td>
        <div className="row">
          {entry.picture ? <img className="audit-picture" src={`${entry.picture}?size=96`} alt="" loading="lazy" /> : null}
          <span className="audit-value">{placeOf(entry, isOfPatient)}</span>
        </div>
      </td>
      <td className="audit-value">{shown(entry.before)}</td>
      <td className="audit-value">{shown(entry.after)}</td>
    </tr>
  );
}

/** What an entry is about: a cell by field and number, images by their names, else its kind and identifier. */
function placeOf(entry: AuditEntry, isOfPatient: boolean): string {
  const patient = isOfPatient ? null : entry.patient;
  const place = entry.cell !== null ? t.inspector.place(entry.field ?? "", entry.cell) : entry.files.length > 0 ? entry.files.join(", ") : null;
  const whole = [patient, place].filter(Boolean).join(" · ");
  const text = whole || short(`${entry.subject.kind} ${entry.subject.id ?? ""}`);
  return text.length > LONGEST ? `${text.slice(0, LONGEST)} …` : text;
}

const LONGEST = 240;

interface AnswerValue {
  type: string | null;
  deleted: boolean;
}

function isAnswer(value: unknown): value is AnswerValue {
  return typeof value === "object" && value !== null && "type" in value && "deleted" in value;
}

function answerOf({ type, deleted }: AnswerValue, nameOf: (type: string) => string): string {
  return [type === null ? t.audit.unnamed : nameOf(type), deleted ? t.gallery.struck : ""].filter(Boolean).join(", ");
}

function queryOf({ group, since, until }: Filter, actor: string): string {
  const query = new URLSearchParams();
  if (actor.trim()) query.set("actor", actor.trim());
  for (const action of group.split(" ").filter(Boolean)) query.append("action", action);
  // Days of the reader's calendar; the last one is included.
  if (since) query.set("since", new Date(`${since}T00:00:00`).toISOString());
  if (until) {
    const end = new Date(`${until}T00:00:00`);
    end.setDate(end.getDate() + 1); // a day may have 23 or 25 hours
    query.set("until", end.toISOString());
  }
  return query.size > 0 ? `&${query}` : "";
}

/** Shorten identifiers and digests to the part that distinguishes them. */
const short = (text: string): string => text.replace(/\b([0-9a-f]{8})(?:[0-9a-f]{24}|[0-9a-f]{56})\b/g, "$1");

function asText(value: unknown): string {
  if (value === null || value === undefined) return "";
  if (typeof value === "number") return String(Math.round(value * 100) / 100);
  if (typeof value !== "object") return short(String(value));
  if (Array.isArray(value)) return value.map(asText).join(", ");
  const text = Object.entries(value)
    .filter(([name, part]) => !(name === "fields" && Array.isArray(part))) // their names stand beside
    .map(([name, part]) => `${name.replaceAll("_", " ")}: ${asText(part) || t.unavailable}`)
    .join("; ");
  return text.length > LONGEST ? `${text.slice(0, LONGEST)} …` : text;
}
