import { useState, type ReactNode } from "react";
import { Dialog } from "../parts/basics";
import { t } from "../strings";
import type { Question } from "./manager";

const SHOWN = 12;

/** Ask what becomes of files whose names the patient has with another content; closing it leaves them out. */
export function SameNameDialog({ question }: { question: Question }): ReactNode {
  const [forAll, setForAll] = useState(true);
  const all = question.rows.map((row) => row.name);
  const names = forAll ? all : all.slice(0, 1);
  return (
    <Dialog
      title={t.sameName.title(question.job.name)}
      onClose={() => question.settle("cancel", true)}
      foot={
        <>
          <button type="button" className="button" onClick={() => question.settle("cancel", forAll)}>
            {t.sameName.cancel}
          </button>
          <button type="button" className="button" onClick={() => question.settle("keep", forAll)}>
            {t.sameName.keep}
          </button>
          <button type="button" className="button primary" onClick={() => question.settle("replace", forAll)}>
            {t.sameName.replace}
          </button>
        </>
      }
    >
      <div className="stack">
        <p>{t.sameName.lead(names.length)}</p>
        <ul>
          {names.slice(0, SHOWN).map((name) => (
            <li key={name}>{name}</li>
          ))}
          {names.length > SHOWN ? <li>{t.sameName.more(names.length - SHOWN)}</li> : null}
        </ul>
        <p className="small soft">{t.sameName.stays}</p>
        {all.length > 1 ? (
          <label className="check">
            <input type="checkbox" checked={forAll} onChange={(event) => setForAll(event.target.checked)} />
            {t.sameName.forAll(all.length)}
          </label>
        ) : null}
      </div>
    </Dialog>
  );
}
