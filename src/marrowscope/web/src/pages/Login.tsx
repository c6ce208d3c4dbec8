import { useState, type FormEvent, type ReactNode } from "react";
import { logIn } from "../api/client";
import type { Session } from "../api/shapes";
import { useAction } from "../hooks";
import icon from "../icon.svg";
import { Labelled, Problem } from "../parts/basics";
import { t } from "../strings";

export function Login(props: { session: Session; expired: boolean; onEnter: (session: Session) => void }): ReactNode {
  const [username, setUsername] = useState("");
  const [password, setPassword] = useState("");
  const { busy, error, run } = useAction();
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    run(async () => props.onEnter(await logIn(username, password)));
  };
  const { oidc } = props.session;
  return (
    <div className="login">
      <form className="card" onSubmit={submit}>
        <div className="brand">
          <img src={icon} alt="" />
          <div>
            <h1>{t.product}</h1>
            <p className="small soft">{t.login.lead}</p>
          </div>
        </div>
        {props.expired ? <p className="notice small">{t.login.expired}</p> : null}
        <Labelled label={t.login.username}>
          <input className="input" name="username" autoComplete="username" autoFocus required value={username} onChange={(event) => setUsername(event.target.value)} />
        </Labelled>
        <Labelled label={t.login.password}>
          <input className="input" name="password" type="password" autoComplete="current-password" required value={password} onChange={(event) => setPassword(event.target.value)} />
        </Labelled>
        <Problem message={error} />
        <button type="submit" className="button primary" disabled={busy}>
          {t.login.submit}
        </button>
        {oidc ? (
          <a className="button" href={oidc.url}>
            {t.login.oidc(oidc.name)}
          </a>
        ) : null}
        <p className="small faint">{t.researchNotice}</p>
      </form>
    </div>
  );
}
