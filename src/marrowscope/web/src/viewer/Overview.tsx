import { memo, type ReactNode } from "react";
import type { Cell, Field } from "../api/shapes";
import { useTypes } from "../context";
import { t } from "../strings";
import type { ReviewStore } from "../review/state/store";
import { useLateVersion } from "../review/state/useStore";

/** All fields of the patient on one sheet, each cell a mark in the colour of its type; a click opens a field. */
export function Overview({ store, fields, current, onOpen }: { store: ReviewStore; fields: Field[]; current: string | null; onOpen: (id: string) => void }): ReactNode {
  useLateVersion(store);
  const types = useTypes();
  const cells = new Map<string, Cell[]>(fields.map((field) => [field.id, []]));
  for (const cell of store.all) if (!cell.deleted) cells.get(cell.field_id)?.push(cell);
  return (
    <ul className="overview" aria-label={t.viewer.overview}>
      {fields.map((field) => {
        const own = cells.get(field.id) ?? [];
        const blasts = own.filter((cell) => types.get(cell.type)?.is_blast).length;
        return (
          <li key={field.id}>
            <button type="button" className="overview-field" aria-current={field.id === current} onClick={() => onOpen(field.id)}>
              <span className="overview-picture" style={{ aspectRatio: `${field.width} / ${field.height}` }}>
                <img src={`${field.thumbnail}?size=512`} alt="" loading="lazy" />
                <Marks field={field} marks={own.map((cell) => [cell.box[0], cell.box[1], cell.box[2] - cell.box[0], cell.box[3] - cell.box[1], types.get(cell.type)?.colour ?? "#6b7280"].join(" ")).join(";")} />
              </span>
              <span className="row small">
                <span className="grow clip">{field.name}</span>
                <span className="soft">{t.viewer.overviewCells(own.length, blasts)}</span>
              </span>
            </button>
          </li>
        );
      })}
    </ul>
  );
}

/** Marks as one text, so that a field is drawn again only if its own cells have changed. */
const Marks = memo(function Marks({ field, marks }: { field: Field; marks: string }): ReactNode {
  return (
    <svg viewBox={`0 0 ${field.width} ${field.height}`} aria-hidden="true">
      {marks.split(";").filter(Boolean).map((mark, index) => {
        const [x, y, width, height, colour] = mark.split(" ");
        return <rect key={index} x={x} y={y} width={width} height={height} fill="none" stroke={colour} strokeWidth={2} vectorEffect="non-scaling-stroke" />;
      })}
    </svg>
  );
});
