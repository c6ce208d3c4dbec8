import type { ReactNode } from "react";
import { thresholdOf, useKnown } from "../context";
import { Labelled } from "../parts/basics";
import { t } from "../strings";

interface Choice {
  value: string;
  onChange: (value: string) => void;
}

/** The rule by which an analysis decides. */
export function RuleField({ value, onChange }: Choice): ReactNode {
  const { settings } = useKnown();
  return (
    <Labelled label={t.upload.rule}>
      <select className="input" value={value} onChange={(event) => onChange(event.target.value)}>
        {settings.rules.map((one) => (
          <option key={one.id} value={one.id}>
            {one.title} ({thresholdOf(settings, one.id).condition})
          </option>
        ))}
      </select>
    </Labelled>
  );
}

/** The scale of all images, where it is known. */
export function ScaleField({ value, onChange }: Choice): ReactNode {
  return (
    <Labelled label={t.upload.scale} hint={t.upload.scaleHint}>
      <input className="input" type="number" min="0.005" max="5" step="any" value={value} onChange={(event) => onChange(event.target.value)} />
    </Labelled>
  );
}
