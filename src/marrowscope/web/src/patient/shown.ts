import type { Analysis, Field, Patient, Reading } from "../api/shapes";
import type { ReviewStore } from "../review/state/store";

/** What the parts of a patient's page show. */
export interface Shown {
  patient: Patient;
  fields: Field[];
  tab: string;
  /** The user's own open reading, which is blind to all others. */
  mine: Reading | null;
  readings: Reading[];
  onReload: () => void;
  onReadings: () => void;
}

/** With the latest analysis, and its cells where there are any to see. */
export interface ShownCells extends Shown {
  analysis: Analysis | null;
  store: ReviewStore | null;
}

/** Whether fields of an analysis are read one after another now. */
export const isBeingRead = (analysis: Analysis | null): boolean => analysis?.status === "running" || analysis?.status === "live";

/** Whether an analysis has not ended. */
export const isActive = (analysis: Analysis | null): boolean => analysis?.status === "queued" || isBeingRead(analysis);

/** Whether there are cells to look at while other fields are still read. */
export function hasCellsToSee(analysis: Analysis): boolean {
  return isBeingRead(analysis) && analysis.cells > 0;
}

/** The options of a new analysis that goes on as the last one did. */
export const likeBefore = (analysis: Analysis): object => ({ rule: analysis.rule, ...(analysis.mpp === null ? {} : { mpp: analysis.mpp }) });
