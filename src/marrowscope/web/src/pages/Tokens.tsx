import { useState, type FormEvent, type ReactNode } from "react";
import { get, post, remove } from "../api/client";
import type { Page, Token } from "../api/shapes";
import { useKnown } from "../context";
import { useAction, useLoaded } from "../hooks";
import { Dialog, Labelled, Problem } from "../parts/basics";
import { Table } from "../parts/lists";
import { t, when } from "../strings";

/** The user's access tokens for programs, such as a laboratory system. */
export function Tokens(): ReactNode {
  const tokens = useLoaded("tokens", (signal) => get<Page<Token>>("/tokens", signal));
  const [adding, setAdding] = useState(false);
  const { busy, error, run } = useAction();
  return (
    <div className="page">
      <div className="row">
        <h1 className="grow">{t.admin.tokens}</h1>
        <button type="button" className="button primary" onClick={() => setAdding(true)}>
          {t.admin.addToken}
        </button>
      </div>
      <Problem message={tokens.error ?? error} />
      <div className="card">
        <Table heads={[t.admin.tokenName, t.admin.scopes, t.admin.created, t.admin.expiry, null]}>
          {tokens.data?.items.map((token) => (
            <tr key={token.id}>
              <td>{token.name}</td>
              <td>{token.scopes.map((scope) => t.admin.scopeNames[scope]).join(", ")}</td>
              <td>{when(token.created_at)}</td>
              <td>{token.expires_at ? when(token.expires_at) : t.admin.never}</td>
              <td className="number">
                <button type="button" className="button compact danger" disabled={busy} onClick={() => run(async () => { await remove(`/tokens/${token.id}`); tokens.reload(); })}>
                  {t.admin.revoke}
                </button>
              </td>
            </tr>
          ))}
        </Table>
      </div>
      {adding ? <AddToken onClose={() => setAdding(false)} onAdded={tokens.reload} /> : null}
    </div>
  );
}

function AddToken({ onClose, onAdded }: { onClose: () => void; onAdded: () => void }): ReactNode {
  const { user } = useKnown();
  const [name, setName] = useState("");
  const [scopes, setScopes] = useState<Token["scopes"]>(["read"]);
  const [days, setDays] = useState("90");
  const [secret, setSecret] = useState<string | null>(null);
  const { busy, error, run } = useAction();
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    run(async () => {
      const made = await post<Token & { token: string }>("/tokens", { name, scopes, ...(days ? { expires_days: Number(days) } : {}) });
      setSecret(made.token);
      onAdded();
    });
  };
  const offered: Token["scopes"] = ["read", ...(user.role === "viewer" ? [] : ["write" as const]), ...(user.role === "admin" ? ["admin" as const] : [])];
  return (
    <Dialog title={t.admin.addToken} onClose={onClose}>
      {secret ? (
        <div className="stack">
          <p>{t.admin.tokenOnce}</p>
          <input className="input mono" readOnly autoFocus value={secret} onFocus={(event) => event.target.select()} aria-label={t.admin.addToken} />
        </div>
      ) : (
        <form className="stack" onSubmit={submit}>
          <Labelled label={t.admin.tokenName}>
            <input className="input" required maxLength={80} value={name} onChange={(event) => setName(event.target.value)} />
          </Labelled>
          <div className="labelled">
            <span>{t.admin.scopes}</span>
            <div className="row">
              {offered.map((scope) => (
                <label key={scope} className="check">
                  <input type="checkbox" checked={scopes.includes(scope)} onChange={(event) => setScopes(event.target.checked ? [...scopes, scope] : scopes.filter((one) => one !== scope))} />
                  {t.admin.scopeNames[scope]}
                </label>
              ))}
            </div>
          </div>
          <Labelled label={t.admin.expires}>
            <input className="input" type="number" min={1} max={3650} value={days} onChange={(event) => setDays(event.target.value)} />
          </Labelled>
          <Problem message={error} />
          <button type="submit" className="button primary" disabled={busy || scopes.length === 0}>
            {t.admin.addToken}
          </button>
        </form>
      )}
    </Dialog>
  );
}
