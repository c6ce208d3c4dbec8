/** Pictures of detected cells come as one sheet per field, so that hundreds of them need few requests. */
import { useEffect, useRef, useState } from "react";
import { API } from "../../api/client";
import type { Cell } from "../../api/shapes";

const SIDES = [96, 224] as const; // as the service makes them
const COLUMNS = 16;
const [COARSE, FINE] = SIDES;

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

/** The sheets of all fields, small ones: something to see at once, wherever the gallery is scrolled to. */
export function useSheets(analysis: string, fields: readonly string[]): Sheets {
  return useLoadedSheets(analysis, fields, COARSE);
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
  const loading = useRef(new Set<string>());
  const isGone = useRef(false);
  const key = fields.join(" ");
  useEffect(() => {
    isGone.current = false;
    return () => {
      isGone.current = true;
    };
  }, []);
  useEffect(() => {
    for (const field of key.split(" ").filter((one) => one && !loading.current.has(one))) {
      loading.current.add(field);
      const address = `${API}/analyses/${analysis}/sheets/${field}.jpg${side === COARSE ? "" : `?side=${side}`}`;
      const image = new Image();
      const put = (sheet: Sheet | null): void => {
        if (!isGone.current) setSheets((now) => new Map(now).set(field, sheet));
      };
      image.src = address;
      // Decoded before it is shown, so that no key waits for it.
      image.decode().then(
        () => put({ address, side }),
        () => (side === COARSE ? put(null) : loading.current.delete(field)),
      );
    }
  }, [analysis, key, side]);
  return sheets;
}

export function placeOnSheet(cell: Cell, side: number): string {
  const index = cell.number - 1;
  return `-${(index % COLUMNS) * side}px -${Math.floor(index / COLUMNS) * side}px`;
}
