/** Routes of the page, in the browser's history rather than in the URL fragment. */
import { useSyncExternalStore } from "react";

const listeners = new Set<() => void>();

function notify(): void {
  for (const listener of listeners) listener();
}

addEventListener("popstate", notify);

export function go(path: string, replace = false): void {
  if (path === location.pathname + location.search) return;
  history[replace ? "replaceState" : "pushState"](null, "", path);
  notify();
}

/** The cell or field of a patient that an address asks for. */
export interface Target {
  cell: string | null;
  field: string | null;
}

/** The address of a patient's page, and of a cell or field on it. */
export function patientAddress(patient: string, target: Partial<Target> = {}): string {
  const query = new URLSearchParams(Object.entries(target).filter((pair): pair is [string, string] => typeof pair[1] === "string"));
  return `/patients/${patient}${query.size > 0 ? `?${query}` : ""}`;
}

export function targetOf(path: string): Target | null {
  const query = new URLSearchParams(path.split("?")[1] ?? "");
  const found = { cell: query.get("cell"), field: query.get("field") };
  return found.cell || found.field ? found : null;
}

export function usePath(): string {
  return useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => location.pathname + location.search,
  );
}
