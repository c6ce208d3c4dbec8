/** The tour: which step is shown, if any. */
import { get } from "../api/client";
import type { Page, Patient } from "../api/shapes";
import { go } from "../route";

const listeners = new Set<() => void>();
let current: number | null = null;

export const subscribe = (listener: () => void): (() => void) => {
  listeners.add(listener);
  return () => listeners.delete(listener);
};

export const step = (): number | null => current;

export function goTo(next: number | null): void {
  current = next;
  for (const listener of listeners) listener();
}

/** Begin on a patient with cells: the one shown, else the latest; false if there is none. */
export async function begin(): Promise<boolean> {
  if (!document.querySelector("[data-testid=gallery]")) {
    for (const status of ["done", "signed"]) {
      const [patient] = (await get<Page<Patient>>(`/patients?status=${status}&limit=1`)).items;
      if (!patient) continue;
      go(`/patients/${patient.id}`);
      goTo(0);
      return true;
    }
    return false;
  }
  goTo(0);
  return true;
}
