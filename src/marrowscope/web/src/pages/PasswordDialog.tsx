import { useState, type FormEvent, type ReactNode } from "react";
import { post } from "../api/client";
import { useAction } from "../hooks";
import { Dialog, Labelled, Problem } from "../parts/basics";
import { t } from "../strings";

export function PasswordDialog({ onClose }: { onClose: () => void }): ReactNode {
  const [old, setOld] = useState("");
  const [next, setNext] = useState("");
  const [done, setDone] = useState(false);
  const { busy, error, run } = useAction();
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    run(async () => {
      await post("/session/password", { old, new: next });
      setDone(true);
    });
  };
  return (
    <Dialog title={t.password.title} onClose={onClose}>
      {done ? (
        <p>{t.password.done}</p>
      ) : (
        <form className="stack" onSubmit={submit}>
          <Labelled label={t.password.old}>
            <input className="input" type="password" autoComplete="current-password" required value={old} onChange={(event) => setOld(event.target.value)} />
          </Labelled>
          <Labelled label={t.password.new} hint={t.admin.passwordHint}>
            <input className="input" type="password" autoComplete="new-password" required value={next} onChange={(event) => setNext(event.target.value)} />
          </Labelled>
          <Problem message={error} />
          <button type="submit" className="button primary" disabled={busy}>
            {t.save}
          </button>
        </form>
      )}
    </Dialog>
  );
}
