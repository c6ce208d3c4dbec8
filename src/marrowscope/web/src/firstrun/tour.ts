/** The tour: which step is shown, if any. */
import { get } from "../api/client";
import type { Page, Patient } from "../api/shapes";
import { go } from "../route";
import type { Texts } from "../strings";

/** The steps in their order, each with the part of the page that it is about. */
export const STEPS: { name: keyof Texts["tour"]["steps"]; target: string }[] = [
  { name: "gallery", target: "[data-testid=gallery]" },
  { name: "rail", target: ".rail" },
  { name: "unsure", target: "[data-bin='*unsure']" },
  { name: "inspector", target: ".inspector" },
  { name: "compare", target: ".compare" },
  { name: "differential", target: "[data-testid=differential]" },
  { name: "toolbar", target: ".toolbar" },
  { name: "sign", target: ".patient-head" },
];

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
