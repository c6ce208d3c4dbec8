/** What the service names or says, by its codes. In English its own words are shown, so these tables are empty. */
import type { Count, OpenPoint, ProblemShape } from "../api/shapes";

/** A count's verdict and what it rests on, as far as the service has codes for it. */
export type Verdict = Pick<Count, "decision" | "decided_by" | "adjusted_low" | "adjusted_high" | "counted" | "why">;

const asSaid: Record<string, string> = {};

export const served = {
  /** Name and abbreviation of the cell types. */
  types: {} as Record<string, readonly [name: string, abbreviation: string]>,
  rules: asSaid,
  flags: asSaid,
  sections: asSaid,
  phrases: asSaid,
  shares: asSaid,
  condition: (sign: string, percent: string) => `blasts ${sign} ${percent} %`,
  band: (said: string) => said,
  why: ({ why }: Verdict, _floor: number, _threshold: string) => why,
  point: ({ text }: OpenPoint, _target: number) => text,
  problem: ({ detail, title }: ProblemShape) => detail || title,
};
