import { useState, type FormEvent, type ReactNode } from "react";
import { useAction } from "../hooks";
import { Dialog, Labelled, Problem } from "../parts/basics";
import { t } from "../strings";

/** Request a reason for an action that is recorded permanently. */
export function ReasonDialog(props: { title: string; lead: string; label: string; submit: string; danger?: boolean; onSubmit: (reason: string) => Promise<void>; onClose: () => void }): ReactNode {
  const [reason, setReason] = useState("");
  const { busy, error, run } = useAction();
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    run(() => props.onSubmit(reason.trim()));
  };
  return (
    <Dialog
      title={props.title}
      onClose={props.onClose}
      foot={
        <>
          <button type="button" className="button" onClick={props.onClose}>
            {t.cancel}
          </button>
          <button type="submit" form="reason-form" className={`button ${props.danger ? "danger" : "primary"}`} disabled={busy || !reason.trim()}>
            {props.submit}
          </button>
        </>
      }
    >
      <form id="reason-form" className="stack" onSubmit={submit}>
        <p>{props.lead}</p>
        <Labelled label={props.label}>
          <textarea className="input" required autoFocus maxLength={1000} value={reason} onChange={(event) => setReason(event.target.value)} />
        </Labelled>
        <Problem message={error} />
      </form>
    </Dialog>
  );
}
