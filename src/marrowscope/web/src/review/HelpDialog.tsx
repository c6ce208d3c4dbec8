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
  [["PgUp", "PgDn"], rows.page],
  [["n"], rows.next],
  [["N"], rows.lot],
  [["[", "]"], rows.bins],
  [["Esc"], rows.escape],
];
const CHANGING: [string[], string][] = [
  [["↵"], rows.confirm],
  [["Del"], rows.strike],
  [["⌫"], rows.back],
  [["Ctrl", "Z"], rows.undo],
  [["Ctrl", "⇧", "Z"], rows.redo],
  [[";"], rows.comment],
];
const LOOKING: [string[], string][] = [
  [[","], rows.compare],
  [["+", "-"], rows.size],
  [["."], rows.show],
  [["<", ">"], rows.fields],
  [["*"], rows.fit],
  [["Ins"], rows.add],
  [["?"], rows.help],
];

export function HelpDialog({ onClose }: { onClose: () => void }): ReactNode {
  const { taxonomy } = useKnown();
  return (
    <Dialog title={t.help.title} wide opener="?" onClose={onClose}>
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
            <h3>{t.help.looking}</h3>
            <Keys rows={LOOKING} />
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
