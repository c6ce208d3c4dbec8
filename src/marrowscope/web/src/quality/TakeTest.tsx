import { useState, type ReactNode } from "react";
import { get, getAll, post } from "../api/client";
import type { Field, OpenTest } from "../api/shapes";
import { useAction, useLoaded } from "../hooks";
import { Dialog, Link, Loading, Problem } from "../parts/basics";
import { isOpen } from "../review/state/arrange";
import { useReviewStore } from "../review/state/useStore";
import { Workspace } from "../review/Workspace";
import { go } from "../route";
import { t } from "../strings";

/** A signed case in front of a learner: the cells without any name. */
export function TakeTest({ id }: { id: string }): ReactNode {
  const test = useLoaded(id, (signal) => get<OpenTest>(`/proficiency/${id}`, signal));
  const patient = test.data?.patient_id ?? null;
  const fields = useLoaded(patient, (signal) => getAll<Field>(`/patients/${patient}/fields?limit=500`, signal));
  if (test.error ?? fields.error) return <Problem message={test.error ?? fields.error} />;
  if (!test.data || !fields.data) return <Loading />;
  return <Naming test={test.data} fields={fields.data} />;
}

function Naming({ test, fields }: { test: OpenTest; fields: Field[] }): ReactNode {
  const store = useReviewStore(test.analysis, test.id, test.status === "open", true);
  const [finishing, setFinishing] = useState(false);
  const { busy, error, run } = useAction();
  const finish = (): void =>
    run(async () => {
      if (!(await store?.outbox.flush())) throw new Error(t.sign.unsent);
      await post(`/proficiency/${test.id}/finish`);
      go(`/quality/result/${test.id}`, true);
    });
  const named = store ? [...store.all].filter((cell) => !isOpen(cell)).length : 0;
  return (
    <div className="patient">
      <header className="patient-head">
        <Link to="/quality/learning" className="button quiet compact">
          ‹ {t.proficiency.back}
        </Link>
        <h1>{test.patient}</h1>
        <span className="grow" />
        <button type="button" className="button primary compact" disabled={!store} onClick={() => setFinishing(true)}>
          {t.proficiency.finish}
        </button>
      </header>
      <div className="strip plain">{t.proficiency.blind}</div>
      <div className="patient-body">{store ? <Workspace store={store} fields={fields} /> : null}</div>
      {finishing ? (
        <Dialog
          title={t.proficiency.finishTitle}
          onClose={() => setFinishing(false)}
          foot={
            <>
              <button type="button" className="button" onClick={() => setFinishing(false)}>
                {t.cancel}
              </button>
              <button type="button" className="button primary" disabled={busy} onClick={finish}>
                {t.proficiency.finish}
              </button>
            </>
          }
        >
          <p>{t.proficiency.finishLead(named, test.cells)}</p>
          <Problem message={error} />
        </Dialog>
      ) : null}
    </div>
  );
}
