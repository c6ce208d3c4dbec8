import { useEffect, useRef, useState, type ReactNode } from "react";
import { get } from "../api/client";
import type { Colleague, Decision, Details, Page, PatientStatus, TagUse } from "../api/shapes";
import { useKnown } from "../context";
import { useLoaded, useSettled } from "../hooks";
import { go } from "../route";
import { t } from "../strings";
import { chosenAddress, type Filters } from "./filters";

const STATUSES: PatientStatus[] = ["done", "signed", "live", "running", "queued", "ready", "failed", "cancelled", "empty"];
const DECISIONS: Decision[] = ["positive", "negative", "indeterminate", "insufficient"];
const SPECIMENS: Details["specimen"][] = ["marrow", "blood", "not stated"];
const SETTLED_MS = 200;

/** What the worklist is filtered by. */
export function FilterRow({ filters, isFiltered }: { filters: Filters; isFiltered: boolean }): ReactNode {
  const { user } = useKnown();
  const tags = useLoaded("tags", (signal) => get<Page<TagUse>>("/tags", signal));
  const colleagues = useLoaded("colleagues", (signal) => get<Page<Colleague>>("/colleagues", signal));
  const set = (change: Partial<Filters>): void => go(chosenAddress({ ...filters, ...change }), true);
  const inUse = tags.data?.items.map((one) => one.tag) ?? [];
  const known = colleagues.data?.items ?? [];
  const askable = [{ username: user.username, label: t.requests.toMe }, ...known.map((one) => ({ username: one.username, label: t.worklist.askedOf(one.name) }))];
  return (
    <div className="row wrap" role="search">
      <Search value={filters.search} onChange={(search) => set({ search })} />
      <Select label={t.worklist.status} value={filters.status} options={STATUSES.map((one) => [one, t.statuses[one]])} onChange={(status) => set({ status })} />
      <Select label={t.worklist.decision} value={filters.decision} options={DECISIONS.map((one) => [one, t.decisions[one]])} onChange={(decision) => set({ decision })} />
      <Select label={t.worklist.specimen} value={filters.specimen} options={SPECIMENS.map((one) => [one, t.details.specimens[one]])} onChange={(specimen) => set({ specimen })} />
      <Select label={t.worklist.tag} value={filters.tag} options={withOwn(inUse, filters.tag).map((one) => [one, one])} onChange={(tag) => set({ tag })} />
      <Select label={t.worklist.asked} value={filters.asked} options={askable.map((one) => [one.username, one.label])} onChange={(asked) => set({ asked })} />
      {isFiltered ? <ClearFilters /> : null}
    </div>
  );
}

export function ClearFilters(): ReactNode {
  return (
    <button type="button" className="button compact" onClick={() => go(chosenAddress({ search: "", status: "", decision: "", specimen: "", tag: "", asked: "" }), true)}>
      {t.worklist.clear}
    </button>
  );
}

/** A filter that is set can be seen, even where nothing has this tag any more. */
function withOwn(known: string[], own: string): string[] {
  return own && !known.includes(own) ? [own, ...known] : known;
}

function Select(props: { label: string; value: string; options: [string, string][]; onChange: (value: string) => void }): ReactNode {
  return (
    <select className="input compact" aria-label={props.label} value={props.value} onChange={(event) => props.onChange(event.target.value)}>
      <option value="">
        {props.label}: {t.worklist.all}
      </option>
      {props.options.map(([value, name]) => (
        <option key={value} value={value}>
          {name}
        </option>
      ))}
    </select>
  );
}

/** The search follows the typing once it rests, and the address when that is changed elsewhere. */
function Search({ value, onChange }: { value: string; onChange: (value: string) => void }): ReactNode {
  const [text, setText] = useState(value);
  const settled = useSettled(text, SETTLED_MS);
  const told = useRef(value);
  useEffect(() => {
    if (settled.trim() === told.current.trim()) return;
    told.current = settled.trim();
    onChange(settled.trim());
  }, [settled]);
  useEffect(() => {
    if (value === told.current) return;
    told.current = value;
    setText(value);
  }, [value]);
  return <input className="input compact" style={{ width: "14rem" }} type="search" placeholder={t.worklist.search} aria-label={t.worklist.search} value={text} onChange={(event) => setText(event.target.value)} />;
}
