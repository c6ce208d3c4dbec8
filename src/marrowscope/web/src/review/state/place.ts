/** Where a reader is in a review, kept for the browser's tab: after a reload, the same cells are selected. */
import { ALL, ORDERS, type Order } from "./arrange";

export interface Place {
  bin: string;
  order: Order;
  focus: string | null;
  chosen: string[];
}

const MOST = 2000; // cells in a kept selection: more are not worth the storage

const keyOf = (analysis: string, reading: string | null): string => `marrowscope:place:${analysis}:${reading ?? "first"}`;

export function keepPlace(analysis: string, reading: string | null, place: Place): void {
  const kept = place.chosen.length > MOST ? { ...place, chosen: place.focus === null ? [] : [place.focus] } : place;
  try {
    globalThis.sessionStorage?.setItem(keyOf(analysis, reading), JSON.stringify(kept));
  } catch {
    // Without storage, a reload begins with the first cell.
  }
}

export function keptPlace(analysis: string, reading: string | null): Place | null {
  try {
    const kept = JSON.parse(globalThis.sessionStorage?.getItem(keyOf(analysis, reading)) ?? "null") as Partial<Place> | null;
    if (!kept) return null;
    return {
      bin: kept.bin ?? ALL,
      order: ORDERS.find((order) => order === kept.order) ?? "surest",
      focus: kept.focus ?? null,
      chosen: kept.chosen ?? [],
    };
  } catch {
    return null;
  }
}
