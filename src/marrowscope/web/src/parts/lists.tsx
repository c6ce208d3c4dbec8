/** Lists and tables, and what leads to their next page. */
import type { ReactNode } from "react";
import { t } from "../strings";

/** A button for the next page of a list; nothing after the last one. */
export function More({ more }: { more: (() => void) | null }): ReactNode {
  return more ? (
    <div>
      <button type="button" className="button" onClick={more}>
        {t.worklist.more}
      </button>
    </div>
  ) : null;
}

/** A column's heading: of text, of figures, or null for a column that needs none; false where there is no such column. */
export type Head = ReactNode | { number: string };

/** A table with a heading for each column; its rows are the children. */
export function Table({ heads, className, children }: { heads: readonly Head[]; className?: string; children: ReactNode }): ReactNode {
  return (
    <table className={className ? `table ${className}` : "table"}>
      <thead>
        <tr>
          {heads.map((head, place) =>
            head === false ? null : isOfFigures(head) ? (
              <th key={place} className="number">
                {head.number}
              </th>
            ) : (
              <th key={place}>{head}</th>
            ),
          )}
        </tr>
      </thead>
      <tbody>{children}</tbody>
    </table>
  );
}

const isOfFigures = (head: Head): head is { number: string } => typeof head === "object" && head !== null && "number" in head;
