/** Pictures of detected cells come as one sheet per field, so that hundreds of them need few requests. */
import { useEffect, useRef, useState } from "react";
import { API } from "../../api/client";
import type { Cell } from "../../api/shapes";

const SIDES = [96, 224] as const; // as the service makes them
const COLUMNS = 16;
const [COARSE, FINE] = SIDES;

/** Sheets requested at a time: cells, counts and answers must not queue behind pictures. */
const TOGETHER = 4;

/** Size of a tile up to which the small sheet is sharp enough. */
export const SMALL = 112;

/** A loaded sheet: squares of `side` pixels, 16 per row, by number. */
export interface Sheet {
  address: string;
  side: (typeof SIDES)[number];
}

/** Sheets by field; null where there is none, and cells' pictures are requested one by one. */
export type Sheets = ReadonlyMap<string, Sheet | null>;

const EMPTY: Sheets = new Map();

/** The sheets of all fields, small ones, those shown first: something to see at once, wherever the gallery is scrolled to. */
export function useSheets(analysis: string, fields: readonly string[], visible: readonly string[]): Sheets {
  const known = new Set(fields);
  return useLoadedSheets(analysis, [...new Set([...visible.filter((field) => known.has(field)), ...fields])], COARSE);
}

/** The large sheets of the fields that the gallery shows, while its pictures are large; they stay once loaded. */
export function useSharpSheets(analysis: string, size: number, visible: readonly string[]): Sheets {
  const asked = useRef(new Set<string>());
  if (size > SMALL) for (const field of visible) if (field) asked.current.add(field);
  const sheets = useLoadedSheets(analysis, size > SMALL ? [...asked.current] : [], FINE);
  return size > SMALL ? sheets : EMPTY;
}

function useLoadedSheets(analysis: string, fields: readonly string[], side: Sheet["side"]): Sheets {
  const [sheets, setSheets] = useState<Sheets>(EMPTY);
  const state = useRef({ asked: new Set<string>(), failed: new Set<string>(), loading: 0, isGone: false, wanted: fields });
  state.current.wanted = fields;
  const key = fields.join(" ");
  useEffect(() => {
    const now = state.current;
    now.isGone = false;
    return () => {
      now.isGone = true;
    };
  }, []);
  useEffect(() => {
    const now = state.current;
    const put = (field: string, sheet: Sheet | null): void => {
      if (!now.isGone) setSheets((known) => new Map(known).set(field, sheet));
    };
    const load = (): void => {
      for (const field of now.wanted) {
        if (now.isGone || now.loading >= TOGETHER) return;
        if (!field || now.asked.has(field)) continue;
        now.asked.add(field);
        now.loading += 1;
        const address = `${API}/analyses/${analysis}/sheets/${field}.jpg${side === COARSE ? "" : `?side=${side}`}`;
        const image = new Image();
        image.src = address;
        // Decoded before it is shown, so that no key waits for it.
        image
          .decode()
          .then(
            () => put(field, { address, side }),
            () => (side === COARSE ? put(field, null) : now.failed.add(field)),
          )
          .finally(() => {
            now.loading -= 1;
            load();
          });
      }
    };
    // What failed is asked for again when the gallery shows something else.
    for (const field of now.failed) now.asked.delete(field);
    now.failed.clear();
    load();
  }, [analysis, key, side]);
  return sheets;
}

export function placeOnSheet(cell: Cell, side: number): string {
  const index = cell.number - 1;
  return `-${(index % COLUMNS) * side}px -${Math.floor(index / COLUMNS) * side}px`;
}
