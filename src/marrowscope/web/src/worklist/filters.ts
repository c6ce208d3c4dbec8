/** The worklist's filters: they stand in its address, and the way back to the worklist remembers them. */
import { keepHere, keptHere } from "../display";

export const FILTERS = ["search", "status", "decision", "specimen", "tag", "asked"] as const;
export type Filters = Record<(typeof FILTERS)[number], string>;

const NAME = "worklist";

export function filtersOf(path: string): Filters {
  const query = new URLSearchParams(path.split("?")[1] ?? "");
  return Object.fromEntries(FILTERS.map((name) => [name, query.get(name) ?? ""])) as Filters;
}

/** The filters that are set, as a query without its question mark. */
export function queryOf(filters: Filters): string {
  return new URLSearchParams(FILTERS.map((name) => [name, filters[name].trim()] as [string, string]).filter(([, value]) => value)).toString();
}

/** The address of the worklist with these filters, which are remembered. */
export function chosenAddress(filters: Filters): string {
  const query = queryOf(filters);
  keepHere(NAME, query);
  return query ? `/?${query}` : "/";
}

/** The address of the worklist as it was shown last in this tab. */
export function worklistAddress(): string {
  const query = keptHere(NAME);
  return query ? `/?${query}` : "/";
}
