import { useState, type ReactNode } from "react";
import { get } from "../api/client";
import type { ToCarry } from "../api/shapes";
import { useAction, useLoaded } from "../hooks";
import { Dialog, Loading, Problem } from "../parts/basics";
import { t } from "../strings";

/** Say what a new analysis will do with signed versions and answers, before it is asked for. */
export function AgainDialog({ patient, onSubmit, onClose }: { patient: string; onSubmit: (readAgain: boolean) => Promise<void>; onClose: () => void }): ReactNode {
  const { busy, error, run } = useAction();
  const [readAgain, setReadAgain] = useState(false);
  return (
    <Dialog
      title={t.again.title}
      onClose={onClose}
      foot={
        <>
          <button type="button" className="button" onClick={onClose}>
            {t.cancel}
          </button>
          <button type="button" className="button primary" autoFocus disabled={busy} onClick={() => run(() => onSubmit(readAgain))}>
            {t.again.title}
          </button>
        </>
      }
    >
      <div className="stack">
        <p>{t.again.lead}</p>
        <WhatStays patient={patient}>
          <label className="check">
            <input type="checkbox" checked={readAgain} onChange={(event) => setReadAgain(event.target.checked)} />
            {t.again.readAgain}
          </label>
        </WhatStays>
        <Problem message={error} />
      </div>
    </Dialog>
  );
}

/** Fields taken over as they were read (where there are any, `children` may offer more), signed versions that stay, answers that are carried over. */
export function WhatStays({ patient, children }: { patient: string; children?: ReactNode }): ReactNode {
  const found = useLoaded(`${patient} to carry`, (signal) => get<ToCarry>(`/patients/${patient}/carried`, signal));
  if (found.error) return <Problem message={found.error} />;
  if (!found.data) return <Loading />;
  const { answers, comments, requests, versions, fields, fields_taken } = found.data;
  return (
    <ul className="plain-list" data-testid="what-stays">
      {fields_taken > 0 ? <li>{t.again.fields(fields_taken, fields)}{children}</li> : null}
      {versions > 0 ? <li>{t.again.versions(versions)}</li> : null}
      {answers > 0 ? <li>{t.again.answers(answers)}</li> : null}
      {comments > 0 ? <li>{t.again.comments(comments)}</li> : null}
      {requests > 0 ? <li>{t.again.requests(requests)}</li> : null}
      <li className="soft">{answers + comments + requests > 0 ? t.again.lost : t.again.none}</li>
    </ul>
  );
}
