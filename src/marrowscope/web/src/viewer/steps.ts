/** From cell to cell within a field: in reading order, and to the nearest one in a direction. */
import type { Box, Cell } from "../api/shapes";
import { usualSide } from "./boxes";

const centre = ([x0, y0, x1, y1]: Box): [number, number] => [(x0 + x1) / 2, (y0 + y1) / 2];

/** The cells that are not deleted, row by row from left to right; a row is as high as a usual cell. */
export function readingOrder(cells: readonly Cell[]): Cell[] {
  const height = Math.max(usualSide(cells, 1), 1);
  const row = (cell: Cell): number => Math.floor(centre(cell.box)[1] / height);
  return cells.filter((cell) => !cell.deleted).sort((a, b) => row(a) - row(b) || centre(a.box)[0] - centre(b.box)[0]);
}

/** The nearest cell above (-1) or below (1) another; what lies aside counts as twice as far. */
export function above(cells: readonly Cell[], from: Cell, direction: -1 | 1): Cell | null {
  const [x, y] = centre(from.box);
  let best: Cell | null = null;
  let least = Number.POSITIVE_INFINITY;
  for (const cell of cells) {
    const [cx, cy] = centre(cell.box);
    const along = direction * (cy - y);
    if (cell.id === from.id || cell.deleted || along <= 0) continue;
    const distance = along + 2 * Math.abs(cx - x);
    if (distance < least) [best, least] = [cell, distance];
  }
  return best;
}

/** Length of a line between two points of the image, in micrometres, or in pixels where the scale is unknown. */
export function lengthOf([x0, y0, x1, y1]: Box, mpp: number | null): { value: number; unit: "µm" | "px" } {
  const pixels = Math.hypot(x1 - x0, y1 - y0);
  return mpp === null ? { value: pixels, unit: "px" } : { value: pixels * mpp, unit: "µm" };
}
