import type { ReactNode } from "react";
import { t } from "../strings";
import { BOUNDS, FILTER, PLAIN, type Look, type Tones } from "./look";

/** Brightness, contrast and gamma of all pictures, and what is drawn over the field. */
export function LookPanel({ look, onChange }: { look: Look; onChange: (part: Partial<Look>) => void }): ReactNode {
  const { tones } = look;
  return (
    <div className="light" role="group" aria-label={t.look.title}>
      {(Object.keys(PLAIN) as (keyof Tones & string)[]).map((name) => (
        <label key={name} className="labelled">
          <span>
            {t.look[name as keyof typeof BOUNDS]} {tones[name]} %
          </span>
          <input type="range" min={BOUNDS[name as keyof typeof BOUNDS][0]} max={BOUNDS[name as keyof typeof BOUNDS][1]} step={5} value={tones[name]} onChange={(event) => onChange({ tones: { ...tones, [name]: Number(event.target.value) } })} />
        </label>
      ))}
      {(["boxes", "labels"] as const).map((name) => (
        <label key={name} className="check">
          <input type="checkbox" checked={look[name]} onChange={(event) => onChange({ [name]: event.target.checked })} />
          {t.look[name]}
        </label>
      ))}
      <button type="button" className="button compact" onClick={() => onChange({ tones: PLAIN })}>
        {t.look.reset}
      </button>
      <p className="small faint">{t.look.lead}</p>
    </div>
  );
}

/** The filter for gamma, which CSS has no function for. */
export function LookFilter({ tones }: { tones: Tones }): ReactNode {
  const exponent = 100 / tones.gamma;
  return (
    <svg width="0" height="0" aria-hidden="true" className="filters">
      <filter id={FILTER} colorInterpolationFilters="sRGB">
        <feComponentTransfer>
          <feFuncR type="gamma" exponent={exponent} />
          <feFuncG type="gamma" exponent={exponent} />
          <feFuncB type="gamma" exponent={exponent} />
        </feComponentTransfer>
      </filter>
    </svg>
  );
}
