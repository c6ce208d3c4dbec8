import type { ReactNode } from "react";
import { useKnown } from "../context";
import { Dialog } from "../parts/basics";
import { lookUp, t, type Texts } from "../strings";

type Row = keyof Texts["help"]["rows"];
const MOVING: [string[], Row][] = [
  [["←", "→", "↑", "↓"], "arrows"],
  [["⇧", "←→↑↓"], "shiftArrows"],
  [["Ctrl", "←→↑↓"], "ctrlArrows"],
  [["Space"], "space"],
  [["Ctrl", "A"], "selectAll"],
  [["Home", "End"], "home"],
  [["PgUp", "PgDn"], "page"],
  [["n"], "next"],
  [["N"], "lot"],
  [["[", "]"], "bins"],
  [["Esc"], "escape"],
];
const CHANGING: [string[], Row][] = [
  [["↵"], "confirm"],
  [["Del"], "strike"],
  [["⌫"], "back"],
  [["Ctrl", "Z"], "undo"],
  [["Ctrl", "⇧", "Z"], "redo"],
  [[";"], "comment"],
];
const LOOKING: [string[], Row][] = [
  [[","], "compare"],
  [["+", "-"], "size"],
  [["."], "show"],
  [["<", ">"], "fields"],
  [["*"], "fit"],
  [["Ins"], "add"],
  [["?"], "help"],
];

export function HelpDialog({ onClose }: { onClose: () => void }): ReactNode {
  const { taxonomy } = useKnown();
  return (
    <Dialog title={t.help.title} wide opener="?" onClose={onClose}>
      <div className="keys">
        <section className="stack tight">
          <h3>{t.rail.label}</h3>
          <Keys rows={taxonomy.types.filter((type) => type.key).map((type) => [[type.key], type.name])} />
        </section>
        <div className="stack">
          <section className="stack tight">
            <h3>{t.help.moving}</h3>
            <Keys rows={inWords(MOVING)} />
          </section>
          <section className="stack tight">
            <h3>{t.help.changing}</h3>
            <Keys rows={inWords(CHANGING)} />
          </section>
          <section className="stack tight">
            <h3>{t.help.looking}</h3>
            <Keys rows={inWords(LOOKING)} />
          </section>
        </div>
      </div>
    </Dialog>
  );
}

const inWords = (rows: [string[], Row][]): [string[], string][] => rows.map(([keys, row]) => [keys, t.help.rows[row]]);

function Keys({ rows: all }: { rows: [string[], string][] }): ReactNode {
  return (
    <dl>
      {all.map(([keys, meaning]) => (
        <div key={meaning} style={{ display: "contents" }}>
          <dt>
            {keys.map((key) => (
              <kbd key={key}>{lookUp(t.help.caps, key) ?? key}</kbd>
            ))}
          </dt>
          <dd>{meaning}</dd>
        </div>
      ))}
    </dl>
  );
}
