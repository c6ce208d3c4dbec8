import type { ReactNode } from "react";
import { useKnown } from "../context";
import { Dialog } from "../parts/basics";
import { t } from "../strings";

const rows = t.help.rows;
const MOVING: [string[], string][] = [
  [["←", "→", "↑", "↓"], rows.arrows],
  [["⇧", "←→↑↓"], rows.shiftArrows],
  [["Ctrl", "←→↑↓"], rows.ctrlArrows],
  [["Space"], rows.space],
  [["Ctrl", "A"], rows.selectAll],
  [["Home", "End"], rows.home],
  [["n"], rows.next],
  [["[", "]"], rows.bins],
];
const CHANGING: [string[], string][] = [
  [["↵"], rows.confirm],
  [["Del"], rows.strike],
  [["⌫"], rows.back],
  [["Ctrl", "Z"], rows.undo],
  [["Ctrl", "⇧", "Z"], rows.redo],
  [[";"], rows.comment],
  [["."], rows.show],
  [[","], rows.examples],
  [["+", "-"], rows.size],
  [["?"], rows.help],
];
const FIELD: [string[], string][] = [
  [["←→↑↓"], rows.pan],
  [["+", "-"], rows.zoom],
  [["0"], rows.fit],
  [["PgUp", "PgDn"], rows.page],
  [["Ins"], rows.add],
];

export function HelpDialog({ onClose }: { onClose: () => void }): ReactNode {
  const { taxonomy } = useKnown();
  return (
    <Dialog title={t.help.title} wide onClose={onClose}>
      <div className="keys">
        <section className="stack tight">
          <h3>{t.help.classes}</h3>
          <Keys rows={taxonomy.types.filter((type) => type.key).map((type) => [[type.key], type.name])} />
        </section>
        <div className="stack">
          <section className="stack tight">
            <h3>{t.help.moving}</h3>
            <Keys rows={MOVING} />
          </section>
          <section className="stack tight">
            <h3>{t.help.changing}</h3>
            <Keys rows={CHANGING} />
          </section>
          <section className="stack tight">
            <h3>{t.help.field}</h3>
            <Keys rows={FIELD} />
          </section>
        </div>
      </div>
    </Dialog>
  );
}

function Keys({ rows: all }: { rows: [string[], string][] }): ReactNode {
  return (
    <dl>
      {all.map(([keys, meaning]) => (
        <div key={meaning} style={{ display: "contents" }}>
          <dt>
            {keys.map((key) => (
              <kbd key={key}>{key}</kbd>
            ))}
          </dt>
          <dd>{meaning}</dd>
        </div>
      ))}
    </dl>
  );
}
