import type { ReactNode } from "react";
import { get } from "../api/client";
import type { ToCarry } from "../api/shapes";
import { useAction, useLoaded } from "../hooks";
import { Dialog, Loading, Problem } from "../parts/basics";
import { t } from "../strings";

/** Say what a new analysis will do with signed versions and answers, before it is asked for. */
export function AgainDialog({ patient, onSubmit, onClose }: { patient: string; onSubmit: () => Promise<void>; onClose: () => void }): ReactNode {
  const { busy, error, run } = useAction();
  return (
    <Dialog
      title={t.again.title}
      onClose={onClose}
      foot={
        <>
          <button type="button" className="button" onClick={onClose}>
            {t.cancel}
          </button>
          <button type="button" className="button primary" autoFocus disabled={busy} onClick={() => run(onSubmit)}>
            {t.again.title}
          </button>
        </>
      }
    >
      <div className="stack">
        <p>{t.again.lead}</p>
        <WhatStays patient={patient} />
        <Problem message={error} />
      </div>
    </Dialog>
  );
}

/** Signed versions that stay, answers that are carried over. */
export function WhatStays({ patient }: { patient: string }): ReactNode {
  const found = useLoaded(`${patient} to carry`, (signal) => get<ToCarry>(`/patients/${patient}/carried`, signal));
  if (found.error) return <Problem message={found.error} />;
  if (!found.data) return <Loading />;
  const { answers, comments, versions } = found.data;
  return (
    <ul className="plain-list" data-testid="what-stays">
      {versions > 0 ? <li>{t.again.versions(versions)}</li> : null}
      {answers > 0 ? <li>{t.again.answers(answers)}</li> : null}
      {comments > 0 ? <li>{t.again.comments(comments)}</li> : null}
      <li className="soft">{answers + comments > 0 ? t.again.lost : t.again.none}</li>
    </ul>
  );
}
