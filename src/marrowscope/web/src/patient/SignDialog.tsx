import { useEffect, useRef, useState, type FormEvent, type ReactNode } from "react";
import { tasks } from "../activity/tasks";
import { get, post, Problem as ServiceProblem } from "../api/client";
import type { Details, Differential, OpenPoint, Page } from "../api/shapes";
import { useKnown } from "../context";
import { useAction, useLoaded } from "../hooks";
import { DecisionPill, Dialog, Labelled, Loading, Problem, Waiting } from "../parts/basics";
import type { ReviewStore } from "../review/state/store";
import { useStoreVersion } from "../review/state/useStore";
import { lookUp, t } from "../strings";

/** Sign the result shown; refused if it has changed since. */
export function SignDialog({ store, specimen, onSigned, onClose }: { store: ReviewStore; specimen: Details["specimen"]; onSigned: () => void; onClose: () => void }): ReactNode {
  useStoreVersion(store);
  const { user, session } = useKnown();
  const [meaning, setMeaning] = useState(t.sign.meanings[0] ?? "");
  const [own, setOwn] = useState("");
  const [password, setPassword] = useState("");
  const [toSign, setToSign] = useState(session.to_sign);
  const { busy, error, run } = useAction();
  const { differential } = store;
  const [reasons, setReasons] = useState<Record<string, string>>({});
  const [oneReason, setOneReason] = useState<string | null>(null);
  const url = `/analyses/${store.analysis.id}`;
  const checklist = useLoaded(`${url}/checklist`, (signal) => get<Page<OpenPoint>>(`${url}/checklist`, signal));
  const { revision } = store.analysis;
  const reloadChecklist = checklist.reload;
  const asked = useRef(revision);
  // The points shown stay until the new ones are there, or a reason being typed would lose its field.
  useEffect(() => {
    if (asked.current !== revision) reloadChecklist();
    asked.current = revision;
  }, [revision, reloadChecklist]);
  const points = checklist.data?.items ?? [];
  const open = points.filter((point) => !point.is_advice);
  const advice = points.filter((point) => point.is_advice);
  const reasonFor = (id: string): string => (oneReason ?? reasons[id] ?? "").trim();
  const isWaived = checklist.data !== null && open.every((point) => reasonFor(point.id));
  const form = useRef<HTMLFormElement>(null); // null once the dialog is closed
  const pointText = (point: OpenPoint): string => t.served.point(point, differential?.target ?? 0);
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    // Signing goes on where the dialog is closed: the report is made with all its pictures.
    run(() => tasks.run(t.sign.title, async () => {
      if (!(await store.outbox.flush())) throw new Error(t.sign.unsent);
      try {
        const waived = Object.fromEntries(open.map((point) => [point.id, reasonFor(point.id)]));
        const signature = { meaning: meaning || own.trim(), revision: store.analysis.revision, waived };
        await post(`${url}/signature`, toSign === "password" ? { ...signature, password } : signature);
      } catch (problem) {
        setPassword("");
        if (problem instanceof ServiceProblem && problem.is("unconfirmed") && toSign === "nothing") setToSign("sign-on");
        if (problem instanceof ServiceProblem && problem.status === 409 && !problem.is("locked")) {
          await store.refresh();
          checklist.reload();
          throw new Error(t.sign.stale);
        }
        throw problem;
      }
      onSigned();
    }, null, () => form.current !== null));
  };
  return (
    <Dialog
      title={t.sign.title}
      onClose={onClose}
      foot={
        <>
          <button type="button" className="button" onClick={onClose}>
            {t.cancel}
          </button>
          <button type="submit" form="sign-form" className="button primary" disabled={busy || !isWaived || (!meaning && !own.trim()) || (toSign === "password" && !password) || toSign === "sign-on"}>
            {t.patient.sign}
          </button>
        </>
      }
    >
      <form id="sign-form" ref={form} className="stack" onSubmit={submit}>
        {differential ? (
          <div className="card stack tight" style={{ padding: "0.8rem" }}>
            <Deciding differential={differential} />
            {specimen === "not stated" ? <p className="small notice">{t.details.notStated}</p> : null}
          </div>
        ) : null}
        {open.length > 0 ? (
          <fieldset className="stack tight">
            <legend>{t.sign.open}</legend>
            <p className="small soft">{t.sign.openLead}</p>
            {open.length > 1 ? (
              <label className="check">
                <input type="checkbox" checked={oneReason !== null} onChange={(event) => setOneReason(event.target.checked ? (Object.values(reasons).find(Boolean) ?? "") : null)} />
                {t.sign.oneReason}
              </label>
            ) : null}
            {oneReason === null ? (
              open.map((point) => (
                <Labelled key={point.id} label={pointText(point)}>
                  <input className="input" required maxLength={200} placeholder={t.sign.openReason} value={reasons[point.id] ?? ""} onChange={(event) => setReasons({ ...reasons, [point.id]: event.target.value })} />
                </Labelled>
              ))
            ) : (
              <>
                <ul className="reasons">
                  {open.map((point) => (
                    <li key={point.id}>{pointText(point)}</li>
                  ))}
                </ul>
                <input className="input" required autoFocus maxLength={200} aria-label={t.sign.openReason} placeholder={t.sign.openReason} value={oneReason} onChange={(event) => setOneReason(event.target.value)} />
              </>
            )}
          </fieldset>
        ) : null}
        {advice.map((point) => (
          <p key={point.id} className="small notice">
            {pointText(point)}
          </p>
        ))}
        {checklist.data === null && checklist.error === null ? <Loading /> : null}
        <Problem message={checklist.error} />
        <p>{t.sign.lead(user.name)}</p>
        <Labelled label={t.sign.meaning}>
          <select className="input" value={meaning} onChange={(event) => setMeaning(event.target.value)}>
            {t.sign.meanings.map((one) => (
              <option key={one} value={one}>
                {one}
              </option>
            ))}
            <option value="">{t.sign.ownMeaning}</option>
          </select>
        </Labelled>
        {meaning ? null : <input className="input" aria-label={t.sign.meaning} required maxLength={200} autoFocus value={own} onChange={(event) => setOwn(event.target.value)} />}
        {toSign === "password" ? (
          <Labelled label={t.sign.password} hint={t.sign.passwordWhy}>
            <input className="input" type="password" autoComplete="current-password" required maxLength={1000} value={password} onChange={(event) => setPassword(event.target.value)} />
          </Labelled>
        ) : null}
        {toSign === "sign-on" && session.oidc ? (
          <p>
            {t.sign.signOnWhy} <a href={`${session.oidc.url}?confirm=true&back=${encodeURIComponent(location.pathname)}`}>{t.login.oidc(session.oidc.name)}</a>
          </p>
        ) : null}
        {busy ? (
          <div role="status">
            <Waiting label={t.sign.title} />
            <p className="small soft">{t.sign.signing}</p>
          </div>
        ) : null}
        <Problem message={error} />
      </form>
    </Dialog>
  );
}

/** The share that decides, with its interval, and the counted one beneath it. */
function Deciding({ differential }: { differential: Differential }): ReactNode {
  const { reviewed } = differential;
  const share = reviewed.shares.find((one) => one.decides);
  return (
    <>
      <div className="headline">
        <span className="soft">{t.differential.blasts}</span>
        {share ? (
          <>
            <span className="big">{t.percent(share.percent)}</span>
            <span className="soft">{t.interval(share.low, share.high)}</span>
          </>
        ) : (
          <span>{t.differential.nothingDecides}</span>
        )}
        <DecisionPill decision={reviewed.decision} />
      </div>
      {share ? (
        <p className="small soft">
          {lookUp(t.served.shares, share.title) ?? share.title}: {t.differential.decides}
        </p>
      ) : null}
      <p className="small soft">
        {t.percent(reviewed.blast_percent)} {t.differential.countedShare} · {t.differential.reviewedCells(differential.reviewed_cells)}
      </p>
    </>
  );
}
