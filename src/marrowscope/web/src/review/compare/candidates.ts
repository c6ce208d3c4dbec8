/** The types between which a cell is judged, and what tells them apart. */
import type { Cell } from "../../api/shapes";
import { t } from "../../strings";

export interface Candidate {
  type: string;
  /** The networks' probability; null where they gave none. */
  probability: number | null;
}

/** Two types to compare a cell with: the one in force, and the other that the networks or their likeness suggest. */
export function candidatesOf(cell: Cell, parentOf: (type: string) => string | null): [Candidate, Candidate | null] {
  const guesses: Candidate[] = [];
  if (cell.model_type !== null) guesses.push({ type: cell.model_type, probability: cell.probability });
  if (cell.second_type !== null) guesses.push({ type: cell.second_type, probability: cell.second_probability });
  const own = guesses.find((guess) => guess.type === cell.type) ?? { type: cell.type, probability: null };
  const like = lookAlikeOf(cell.type) ?? lookAlikeOf(parentOf(cell.type) ?? "");
  const other = guesses.find((guess) => guess.type !== cell.type) ?? (like === null ? null : { type: like, probability: null });
  return [own, other];
}

/** Pairs of types that are taken for each other, with what tells them apart. */
const lookAlikes = (): [a: string, b: string, text: string][] =>
  Object.entries(t.lookAlikes).map(([pair, text]) => {
    const [a = "", b = ""] = pair.split(" ");
    return [a, b, text];
  });

function lookAlikeOf(type: string): string | null {
  const pair = lookAlikes().find(([a, b]) => a === type || b === type);
  return pair ? (pair[0] === type ? pair[1] : pair[0]) : null;
}

/** What tells two types apart, or their broader types; null where nothing is written. */
export function difference(a: string, b: string, parentOf: (type: string) => string | null): string | null {
  const broad = (type: string): string[] => [type, parentOf(type)].filter((one) => one !== null);
  const [ofA, ofB] = [broad(a), broad(b)];
  return lookAlikes().find(([x, y]) => (ofA.includes(x) && ofB.includes(y)) || (ofA.includes(y) && ofB.includes(x)))?.[2] ?? null;
}
