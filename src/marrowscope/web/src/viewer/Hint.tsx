import type { KeyboardEvent, ReactNode } from "react";
import type { Box, Field } from "../api/shapes";
import { useKnown } from "../context";
import { number } from "../locale";
import { t } from "../strings";
import { lengthOf } from "./steps";
import type { Sketching } from "./useSketch";

/** What to do now while something is drawn over the field, and its buttons. */
export function Hint(props: { drawing: Sketching; field: Field; error: string | null; onKey: (event: KeyboardEvent) => boolean; onName: (type: string) => void; onSave: () => void }): ReactNode {
  const { taxonomy } = useKnown();
  const { drawing, field } = props;
  const { mode, sketch } = drawing;
  return (
    <div className="hint" role="status">
      {mode === "add" && sketch ? (
        <span className="row">
          <span>{t.viewer.name}</span>
          <select className="input compact" aria-label={t.viewer.name} value="" onKeyDown={(event) => props.onKey(event) && event.preventDefault()} onChange={(event) => props.onName(event.target.value)}>
            <option value="" disabled />
            {taxonomy.types.map((type) => (
              <option key={type.id} value={type.id}>
                {type.name} ({type.key})
              </option>
            ))}
          </select>
        </span>
      ) : null}
      {mode === "add" && !sketch ? <span>{t.viewer.adding}</span> : null}
      {mode === "edit" ? (
        <span className="row">
          <span>{t.viewer.editing}</span>
          <button type="button" className="button compact primary" disabled={!sketch} onClick={props.onSave}>
            {t.save} <kbd>↵</kbd>
          </button>
        </span>
      ) : null}
      {mode === "measure" ? <strong data-testid="length">{sketch ? measured(sketch, field) : t.viewer.measuring}</strong> : null}
      <span className="small soft">{mode === "measure" ? t.viewer.measuringKeys : mode === "edit" ? t.viewer.editingKeys : t.viewer.addingKeys}</span>
      {props.error ? <span className="error">{props.error}</span> : null}
    </div>
  );
}

function measured(line: Box, field: Field): string {
  const { value, unit } = lengthOf(line, field.mpp);
  return `${number(value, unit === "px" ? 0 : 1)}\u00a0${unit}`;
}
