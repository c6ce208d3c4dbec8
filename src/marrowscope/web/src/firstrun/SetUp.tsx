import { useState, type FormEvent, type ReactNode } from "react";
import { setUp } from "../api/client";
import type { Session } from "../api/shapes";
import { useAction } from "../hooks";
import icon from "../icon.svg";
import { Labelled, Problem } from "../parts/basics";
import { t } from "../strings";

/** A new installation: its first administrator, with the code that the server printed. */
export function SetUp({ onEnter }: { onEnter: (session: Session) => void }): ReactNode {
  const [form, setForm] = useState({ code: "", username: "", name: "", password: "" });
  const { busy, error, run } = useAction();
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    run(async () => onEnter(await setUp(form)));
  };
  const box = (name: keyof typeof form, more: object): ReactNode => (
    <input className="input" name={name} required value={form[name]} onChange={(event) => setForm({ ...form, [name]: event.target.value })} {...more} />
  );
  return (
    <div className="login">
      <form className="card" onSubmit={submit}>
        <div className="brand">
          <img src={icon} alt="" />
          <div>
            <h1>{t.firstRun.title}</h1>
            <p className="small soft">{t.firstRun.lead}</p>
          </div>
        </div>
        <Labelled label={t.firstRun.code} hint={t.firstRun.codeWhere}>
          {box("code", { autoFocus: true, autoComplete: "off", maxLength: 40 })}
        </Labelled>
        <Labelled label={t.login.username}>{box("username", { autoComplete: "username", maxLength: 80 })}</Labelled>
        <Labelled label={t.firstRun.name}>{box("name", { autoComplete: "name", maxLength: 120 })}</Labelled>
        <Labelled label={t.login.password} hint={t.admin.passwordHint}>
          {box("password", { type: "password", autoComplete: "new-password" })}
        </Labelled>
        <Problem message={error} />
        <button type="submit" className="button primary" disabled={busy}>
          {t.firstRun.submit}
        </button>
        <p className="small faint">{t.researchNotice}</p>
      </form>
    </div>
  );
}
