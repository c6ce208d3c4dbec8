import { useState, type FormEvent, type ReactNode } from "react";
import { API, get, patch, post } from "../api/client";
import type { Page, Role, User } from "../api/shapes";
import { useKnown } from "../context";
import { useAction, useLoaded } from "../hooks";
import { Dialog, Labelled, Link, Problem } from "../parts/basics";
import { Table } from "../parts/lists";
import { AuditTable } from "../patient/AuditTable";
import { t, when } from "../strings";
import { Networks } from "../teaching/Networks";
import { Outbox } from "./Outbox";

const ROLES: Role[] = ["viewer", "reviewer", "admin"];

/** Users, the networks, the outbox, and the history of the installation. */
export function Admin({ tab }: { tab: string }): ReactNode {
  return (
    <div className="page">
      <div className="row">
        <h1>{t.admin.title}</h1>
        <nav className="tabs" aria-label={t.admin.title}>
          <Link to="/admin/users" current={tab === "users"}>
            {t.admin.users}
          </Link>
          <Link to="/admin/networks" current={tab === "networks"}>
            {t.teaching.tab}
          </Link>
          <Link to="/admin/outbox" current={tab === "outbox"}>
            {t.outbox.tab}
          </Link>
          <Link to="/admin/audit" current={tab === "audit"}>
            {t.patient.tabs.audit}
          </Link>
        </nav>
      </div>
      {tab === "audit" ? (
        <>
          <div>
            <a className="button compact" href={`${API}/audit/export.jsonl`} download="">
              {t.audit.export}
            </a>
          </div>
          <AuditTable path="/audit" csv="/audit/export.csv" isOfPatient={false} />
        </>
      ) : tab === "networks" ? (
        <Networks />
      ) : tab === "outbox" ? (
        <Outbox />
      ) : (
        <Users />
      )}
    </div>
  );
}

function Users(): ReactNode {
  const { user: me } = useKnown();
  const users = useLoaded("users", (signal) => get<Page<User>>("/users", signal));
  const [adding, setAdding] = useState(false);
  const [password, setPassword] = useState<User | null>(null);
  const { busy, error, run } = useAction();
  const change = (user: User, part: object): void =>
    run(async () => {
      await patch(`/users/${user.id}`, part);
      users.reload();
    });
  return (
    <>
      <div>
        <button type="button" className="button primary" onClick={() => setAdding(true)}>
          {t.admin.addUser}
        </button>
      </div>
      <Problem message={users.error ?? error} />
      <div className="card">
        <Table heads={[t.login.username, t.admin.name, t.admin.role, t.admin.lastSeen, null]}>
          {users.data?.items.map((user) => (
            <tr key={user.id} className={user.active ? "" : "faint"}>
              <td>
                {user.username} {user.id === me.id ? <span className="faint small">({t.admin.you})</span> : null}
              </td>
              <td>{user.name}</td>
              <td>
                <select className="input compact" aria-label={`${t.admin.role}: ${user.username}`} disabled={busy || user.id === me.id} value={user.role} onChange={(event) => change(user, { role: event.target.value })}>
                  {ROLES.map((role) => (
                    <option key={role} value={role}>
                      {t.roles[role]}
                    </option>
                  ))}
                </select>
              </td>
              <td className="small soft">{when(user.last_seen_at)}</td>
              <td>
                <div className="row" style={{ justifyContent: "flex-end" }}>
                  <button type="button" className="button compact" onClick={() => setPassword(user)}>
                    {t.admin.resetPassword}
                  </button>
                  <button type="button" className="button compact" disabled={busy || user.id === me.id} onClick={() => change(user, { active: !user.active })}>
                    {user.active ? t.admin.deactivate : t.admin.activate}
                  </button>
                </div>
              </td>
            </tr>
          ))}
        </Table>
      </div>
      {adding ? <UserDialog onClose={() => setAdding(false)} onDone={users.reload} /> : null}
      {password ? <UserDialog user={password} onClose={() => setPassword(null)} onDone={users.reload} /> : null}
    </>
  );
}

/** Add a user, or set a user's password. */
function UserDialog({ user, onClose, onDone }: { user?: User; onClose: () => void; onDone: () => void }): ReactNode {
  const [form, setForm] = useState({ username: "", name: "", role: "reviewer" as Role, password: "" });
  const { busy, error, run } = useAction();
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    run(async () => {
      if (user) await patch(`/users/${user.id}`, { password: form.password });
      else await post("/users", form);
      onDone();
      onClose();
    });
  };
  return (
    <Dialog title={user ? `${t.admin.resetPassword}: ${user.username}` : t.admin.addUser} onClose={onClose}>
      <form className="stack" onSubmit={submit}>
        {user ? null : (
          <>
            <Labelled label={t.login.username}>
              <input className="input" required maxLength={80} autoComplete="off" value={form.username} onChange={(event) => setForm({ ...form, username: event.target.value })} />
            </Labelled>
            <Labelled label={t.admin.name}>
              <input className="input" required maxLength={120} value={form.name} onChange={(event) => setForm({ ...form, name: event.target.value })} />
            </Labelled>
            <Labelled label={t.admin.role}>
              <select className="input" value={form.role} onChange={(event) => setForm({ ...form, role: event.target.value as Role })}>
                {ROLES.map((role) => (
                  <option key={role} value={role}>
                    {t.roles[role]}
                  </option>
                ))}
              </select>
            </Labelled>
          </>
        )}
        <Labelled label={t.login.password} hint={t.admin.passwordHint}>
          <input className="input" type="password" required autoComplete="new-password" value={form.password} onChange={(event) => setForm({ ...form, password: event.target.value })} />
        </Labelled>
        <Problem message={error} />
        <button type="submit" className="button primary" disabled={busy}>
          {t.save}
        </button>
      </form>
    </Dialog>
  );
}
