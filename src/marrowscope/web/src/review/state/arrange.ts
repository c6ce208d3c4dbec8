/** The gallery's arrangement: which cells it shows, in which order, and how many each bin holds. */
import type { Cell, Suggestion, Taxonomy } from "../../api/shapes";

export const ALL = "*all";
export const SUGGESTED = "*suggested";
export const UNSURE = "*unsure";
export const LOT = "*lot";
export const DELETED = "*deleted";

export const ORDERS = ["surest", "unsurest", "place"] as const;
export type Order = (typeof ORDERS)[number];

/** A section of the gallery: a type (or "", without heading) and its cells in order. */
export interface Section {
  type: string;
  ids: string[];
}

export interface Arrangement {
  sections: Section[];
  counts: Map<string, number>;
}

const place = (a: Cell, b: Cell): number => (a.field_id === b.field_id ? a.number - b.number : a.field_id < b.field_id ? -1 : 1);

const BY: Record<Order, (a: Cell, b: Cell) => number> = {
  surest: (a, b) => b.probability - a.probability || place(a, b),
  unsurest: (a, b) => a.probability - b.probability || place(a, b),
  place,
};

export function ranked(cells: Iterable<Cell>, order: Order): string[] {
  return [...cells].sort(BY[order]).map((cell) => cell.id);
}

/** Arrange ranked cells by type for all of them, else in one list. */
export function arrangement(ids: readonly string[], cellOf: (id: string) => Cell | undefined, bin: string, suggestions: readonly Suggestion[], taxonomy: Taxonomy): Arrangement {
  const byType = new Map<string, string[]>(taxonomy.types.map((type) => [type.id, []]));
  const deleted: string[] = [];
  let shown = 0;
  for (const id of ids) {
    const cell = cellOf(id);
    if (!cell) continue;
    shown += 1;
    if (cell.deleted) deleted.push(id);
    else (byType.get(cell.type ?? "unclassified") ?? byType.get("unclassified"))?.push(id);
  }
  const open = suggestions.filter((item) => isOpen(cellOf(item.cell_id)));
  const lists = new Map<string, string[]>([
    [DELETED, deleted],
    [SUGGESTED, open.map((item) => item.cell_id)],
    [UNSURE, open.filter((item) => item.part === "uncertain").map((item) => item.cell_id)],
    [LOT, open.filter((item) => item.part === "random").map((item) => item.cell_id)],
  ]);
  const counts = new Map([...byType, ...lists].map(([name, list]) => [name, list.length])).set(ALL, shown - deleted.length);
  const list = lists.get(bin);
  if (list) return { sections: [{ type: "", ids: list }], counts };
  if (bin !== ALL) return { sections: [{ type: bin, ids: byType.get(bin) ?? [] }], counts };
  return { sections: [...byType].filter(([, own]) => own.length > 0).map(([type, own]) => ({ type, ids: own })), counts };
}

/** Whether nobody has reviewed a cell yet. */
export function isOpen(cell: Cell | undefined): cell is Cell {
  return !!cell && cell.reviewed_type === null && !cell.deleted;
}

/** The next unreviewed cell that is not the focused one: suggested as least certain, else of the lowest probability. */
export function leastCertain(cells: Iterable<Cell>, suggestions: readonly Suggestion[], cellOf: (id: string) => Cell | undefined, focus: string | null): string | null {
  const suggested = suggestions.find((item) => item.part === "uncertain" && item.cell_id !== focus && isOpen(cellOf(item.cell_id)));
  if (suggested) return suggested.cell_id;
  let least: Cell | null = null;
  for (const cell of cells) {
    if (cell.id !== focus && isOpen(cell) && (least === null || cell.probability < least.probability)) least = cell;
  }
  return least?.id ?? null;
}

/** The next unreviewed cell of the lot after the focused one, going round. */
export function nextOfLot(suggestions: readonly Suggestion[], cellOf: (id: string) => Cell | undefined, focus: string | null): string | null {
  const lot = suggestions.filter((item) => item.part === "random").map((item) => item.cell_id);
  const at = focus === null ? -1 : lot.indexOf(focus);
  return [...lot.slice(at + 1), ...lot.slice(0, at + 1)].find((id) => id !== focus && isOpen(cellOf(id))) ?? null;
}
