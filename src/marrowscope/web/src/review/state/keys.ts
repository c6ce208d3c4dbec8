/** Keys and their actions, except the letters of the cell types. */
import type { Taxonomy } from "../../api/shapes";

export type Command =
  | "undo" | "redo" | "next" | "confirm" | "strike" | "takeBack" | "help" | "larger" | "smaller" | "previousBin" | "nextBin" | "show" | "comment" | "examples" | "selectAll";

const PLAIN: Record<string, Command> = {
  n: "next",
  "?": "help",
  Enter: "confirm",
  Delete: "strike",
  Backspace: "takeBack",
  "+": "larger",
  "=": "larger",
  "-": "smaller",
  "[": "previousBin",
  "]": "nextBin",
  ".": "show",
  ";": "comment",
  ",": "examples",
};

/** The parts of a keyboard event used here. */
export interface Press {
  key: string;
  ctrlKey: boolean;
  metaKey: boolean;
  altKey: boolean;
  shiftKey: boolean;
}

export function commandOf(press: Press): Command | null {
  if (press.altKey) return null;
  if (press.ctrlKey || press.metaKey) {
    const key = press.key.toLowerCase();
    if (key === "z") return press.shiftKey ? "redo" : "undo";
    if (key === "y") return "redo";
    if (key === "a") return "selectAll";
    return null;
  }
  return PLAIN[press.key] ?? null;
}

/** The cell type assigned to a key, if any. */
export function typeOf(press: Press, taxonomy: Taxonomy): string | null {
  if (press.ctrlKey || press.metaKey || press.altKey || PLAIN[press.key]) return null;
  return taxonomy.types.find((type) => type.key === press.key)?.id ?? null;
}

/** Whether an element handles keys itself, for text input or for opening. */
export function typesThere(target: EventTarget | null, key: string): boolean {
  if (!(target instanceof HTMLElement)) return false;
  if (target.closest("dialog")) return true;
  if (target.matches("textarea, select, [contenteditable]")) return true;
  if (target instanceof HTMLInputElement) return target.type !== "checkbox";
  return (key === "Enter" || key === " ") && target.matches("button, a");
}
