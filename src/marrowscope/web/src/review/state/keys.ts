/** Keys and their actions, except those of the cell types. A key means the same wherever the focus is. */
import type { Taxonomy } from "../../api/shapes";

export type Command =
  | "undo" | "redo" | "unsure" | "lot" | "confirm" | "strike" | "takeBack" | "help" | "larger" | "smaller" | "previousBin" | "nextBin"
  | "previousField" | "nextField" | "whole" | "show" | "comment" | "compare" | "selectAll" | "add" | "home";

const PLAIN: Record<string, Command> = {
  n: "unsure",
  N: "lot",
  "?": "help",
  Enter: "confirm",
  Delete: "strike",
  Backspace: "takeBack",
  "+": "larger",
  "=": "larger",
  "-": "smaller",
  "[": "previousBin",
  "]": "nextBin",
  "<": "previousField",
  ">": "nextField",
  "*": "whole",
  ".": "show",
  ";": "comment",
  ",": "compare",
  Insert: "add",
  Escape: "home",
};

/** The commands that change cells, as the keys of the types do. */
export const CHANGING: ReadonlySet<Command> = new Set(["undo", "redo", "confirm", "strike", "takeBack", "add"]);

/** The parts of a keyboard event used here. */
export interface Press {
  key: string;
  ctrlKey: boolean;
  metaKey: boolean;
  altKey: boolean;
  shiftKey: boolean;
}

/** The key meant, whatever Caps Lock makes of a letter. */
function keyOf(press: Press): string {
  return /^\p{L}$/u.test(press.key) ? (press.shiftKey ? press.key.toUpperCase() : press.key.toLowerCase()) : press.key;
}

export function commandOf(press: Press): Command | null {
  if (press.altKey) return null;
  const key = keyOf(press);
  if (press.ctrlKey || press.metaKey) {
    const letter = key.toLowerCase();
    if (letter === "z") return press.shiftKey ? "redo" : "undo";
    if (letter === "y") return "redo";
    if (letter === "a") return "selectAll";
    return null;
  }
  return PLAIN[key] ?? null;
}

/** The cell type assigned to a key, if any. */
export function typeOf(press: Press, taxonomy: Taxonomy): string | null {
  const key = keyOf(press);
  if (press.ctrlKey || press.metaKey || press.altKey || PLAIN[key]) return null;
  return taxonomy.types.find((type) => type.key === key)?.id ?? null;
}

/** Whether an element handles keys itself, for text input or for opening. */
export function typesThere(target: EventTarget | null, key: string): boolean {
  if (!(target instanceof HTMLElement)) return false;
  if (target.closest("dialog")) return true;
  if (key === "Escape") return false;
  if (target.matches("textarea, select, [contenteditable]")) return true;
  if (target instanceof HTMLInputElement) return target.type !== "checkbox";
  return (key === "Enter" || key === " ") && target.matches("button, a");
}
