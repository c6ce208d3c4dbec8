/** Pictures of detected cells come as one sheet per field, so that hundreds of them need few requests. */
import { useEffect, useState } from "react";
import { API } from "../../api/client";
import type { Cell } from "../../api/shapes";

const SIDE = 96;
const COLUMNS = 16;

export type Sheets = ReadonlyMap<string, string>;

/** The loaded sheets, by field. */
export function useSheets(analysis: string, fields: readonly string[]): Sheets {
  const [sheets, setSheets] = useState<Sheets>(new Map());
  const key = fields.join(" ");
  useEffect(() => {
    let gone = false;
    for (const field of key.split(" ").filter(Boolean)) {
      const address = `${API}/analyses/${analysis}/sheets/${field}.jpg`;
      const image = new Image();
      image.onload = () => {
        if (!gone) setSheets((now) => new Map(now).set(field, address));
      };
      // Without a sheet, the cells' pictures are requested one by one.
      image.onerror = () => {
        if (!gone) setSheets((now) => new Map(now).set(field, ""));
      };
      image.src = address;
    }
    return () => {
      gone = true;
    };
  }, [analysis, key]);
  return sheets;
}

export function placeOnSheet(cell: Cell): string {
  const index = cell.number - 1;
  return `-${(index % COLUMNS) * SIDE}px -${Math.floor(index / COLUMNS) * SIDE}px`;
}

export const SHEET_SIDE = SIDE;
