import { memo, type ReactNode } from "react";
import type { Cell, CellType } from "../api/shapes";
import { t } from "../strings";
import { placeOnSheet, SMALL, type Sheet } from "./state/sheets";

export interface TileProps {
  cell: Cell;
  type: CellType | undefined;
  size: number;
  /** Position in the gallery, in pixels. */
  left: number;
  top: number;
  chosen: boolean;
  focused: boolean;
  position: number;
  setSize: number;
  place: string;
  /** The field's sheet; null if there is none, undefined while it loads. */
  sheet: Sheet | null | undefined;
}

/** One cell of the gallery. */
export const Tile = memo(function Tile(props: TileProps): ReactNode {
  const { cell, type, size, chosen, focused } = props;
  const aside = cell.counted === false && !cell.deleted && type?.is_counted === true;
  const classes = ["tile", aside && "aside", chosen && "chosen", focused && "focused", cell.deleted && "struck"].filter(Boolean).join(" ");
  const isUnnamed = cell.origin === "network" && cell.model_type === null;
  const state = cell.deleted ? t.gallery.struck : cell.reviewed_type === null ? "" : isUnnamed ? t.proficiency.named : cell.reviewed_type === cell.model_type ? t.gallery.confirmed : t.gallery.changed;
  const name = type?.name ?? t.unavailable;
  const probability = cell.origin === "person" ? t.gallery.byHand : isUnnamed ? "" : t.percent(100 * cell.probability);
  return (
    <div
      id={`cell-${cell.id}`}
      data-id={cell.id}
      className={classes}
      role="option"
      aria-selected={chosen}
      aria-setsize={props.setSize}
      aria-posinset={props.position}
      aria-label={t.gallery.option(name, probability, props.place, [state, aside ? t.gallery.aside : ""].filter(Boolean).join(", "))}
      title={aside ? t.gallery.aside : undefined}
      draggable
      style={{ width: size, height: size, transform: `translate(${props.left}px, ${props.top}px)` }}
    >
      <div className="frame">
        <Picture cell={cell} size={size} sheet={props.sheet} />
        <div className="edge" style={{ background: type?.colour }} />
      </div>
      {state ? <span className="mark">{cell.deleted ? "×" : cell.reviewed_type === cell.model_type ? "✓" : "✎"}</span> : null}
      {cell.comments > 0 ? <span className="mark left">“{cell.comments}</span> : null}
      {size >= 64 && cell.origin === "network" && !isUnnamed ? <span className="sure">{Math.round(100 * cell.probability)}</span> : null}
    </div>
  );
});

function Picture({ cell, size, sheet }: { cell: Cell; size: number; sheet: Sheet | null | undefined }): ReactNode {
  if (cell.origin === "network" && sheet === undefined) return null;
  if (cell.origin === "person" || !sheet) return <img src={`${cell.crop}?size=${size > SMALL ? 224 : 96}`} alt="" draggable={false} />;
  return <div className="picture" style={{ width: sheet.side, height: sheet.side, backgroundImage: `url("${sheet.address}")`, backgroundPosition: placeOnSheet(cell, sheet.side), transform: `scale(${size / sheet.side})` }} />;
}
