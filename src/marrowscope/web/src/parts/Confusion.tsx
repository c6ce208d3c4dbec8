import type { ReactNode } from "react";
import type { ConfusionTable } from "../api/shapes";
import { useTypes } from "../context";

/** Cells by two names each. */
export function Confusion({ table, label }: { table: ConfusionTable; label: string }): ReactNode {
  const types = useTypes();
  const name = (type: string): string => types.get(type)?.name ?? type;
  return (
    <>
      <p className="small faint">{label}</p>
      <div className="card" style={{ overflow: "auto" }} tabIndex={0} role="group" aria-label={label}>
        <table className="matrix">
          <thead>
            <tr>
              <td />
              {table.types.map((type) => (
                <th key={type} scope="col" title={name(type)}>
                  {types.get(type)?.abbreviation ?? type}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {table.counts.map((row, index) => (
              <tr key={table.types[index]}>
                <th scope="row">{name(table.types[index] ?? "")}</th>
                {row.map((count, column) => (
                  <td key={table.types[column]} className={count === 0 ? "faint" : index === column ? "same" : "apart"}>
                    {count || "·"}
                  </td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </>
  );
}
