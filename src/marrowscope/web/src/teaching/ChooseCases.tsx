import { useState, type ReactNode } from "react";
import { get, post } from "../api/client";
import type { Outlook, Page, SignedCase } from "../api/shapes";
import { useKnown } from "../context";
import { useAction, useLoaded, useSettled } from "../hooks";
import { dayOf, number } from "../locale";
import { Labelled, Link, Loading, Problem } from "../parts/basics";
import { Table } from "../parts/lists";
import { t, when } from "../strings";

const SETTLED_MS = 200; // several cases are ticked one after the other

/** Choose signed cases, see what they give, and start. */
export function ChooseCases({ onStarted }: { onStarted: () => void }): ReactNode {
  const cases = useLoaded("cases", (signal) => get<Page<SignedCase>>("/teaching/cases", signal));
  const [since, setSince] = useState("");
  const [until, setUntil] = useState("");
  const [left, setLeft] = useState<ReadonlySet<string>>(new Set());
  const { busy, error, run } = useAction();
  const shown = (cases.data?.items ?? []).filter((one) => within(one.signed_at, since, until));
  const chosen = shown.filter((one) => one.cells > 0 && !left.has(one.analysis_id)).map((one) => one.analysis_id);
  const key = useSettled(chosen.join(" "), SETTLED_MS);
  const outlook = useLoaded(key || null, () => post<Outlook>("/teaching/outlook", { analyses: key.split(" ") }));
  const tick = (ids: string[], isChosen: boolean): void => {
    const next = new Set(left);
    for (const id of ids) isChosen ? next.delete(id) : next.add(id);
    setLeft(next);
  };
  const start = (): void =>
    run(async () => {
      await post("/teachings", { analyses: chosen });
      onStarted();
    });
  const isReady = key === chosen.join(" ") && outlook.data !== null && outlook.data.verdict !== "none";
  return (
    <section className="card padded stack" aria-labelledby="teach">
      <h2 id="teach">{t.teaching.choose.title}</h2>
      <p className="soft">{t.teaching.choose.lead}</p>
      <Problem message={cases.error} />
      {cases.data || cases.error ? null : <Loading />}
      {cases.data?.items.length === 0 ? <p>{t.teaching.choose.empty}</p> : null}
      {cases.data && cases.data.items.length > 0 ? (
        <>
          <div className="row">
            <Labelled label={t.teaching.choose.since}>
              <input className="input" type="date" value={since} onChange={(event) => setSince(event.target.value)} />
            </Labelled>
            <Labelled label={t.teaching.choose.until}>
              <input className="input" type="date" value={until} onChange={(event) => setUntil(event.target.value)} />
            </Labelled>
          </div>
          <CaseTable cases={shown} left={left} onTick={tick} />
          {chosen.length === 0 ? <p>{t.teaching.choose.none}</p> : null}
          <Problem message={outlook.error} />
          {chosen.length > 0 && outlook.data ? <Given outlook={outlook.data} /> : null}
          <Problem message={error} />
          <div className="row">
            <button type="button" className="button primary" disabled={busy || !isReady} onClick={start}>
              {t.teaching.choose.start}
            </button>
            <span className="small soft">{t.teaching.choose.time}</span>
          </div>
        </>
      ) : null}
    </section>
  );
}

/** Whether an instant lies on the days chosen, as the user's clock has them. */
function within(iso: string, since: string, until: string): boolean {
  const day = dayOf(iso);
  return (!since || day >= since) && (!until || day <= until);
}

function CaseTable({ cases, left, onTick }: { cases: SignedCase[]; left: ReadonlySet<string>; onTick: (ids: string[], isChosen: boolean) => void }): ReactNode {
  const usable = cases.filter((one) => one.cells > 0).map((one) => one.analysis_id);
  const all = (
    <label className="row">
      <input type="checkbox" checked={usable.length > 0 && usable.every((id) => !left.has(id))} onChange={(event) => onTick(usable, event.target.checked)} />
      {t.teaching.choose.all}
    </label>
  );
  return (
    <div className="scroll-table" tabIndex={0} role="group" aria-label={t.teaching.choose.title}>
      <Table heads={[all, t.teaching.choose.signed, { number: t.teaching.choose.cells }, { number: t.teaching.choose.blasts }, t.teaching.choose.note]}>
        {cases.map((one) => (
          <tr key={one.analysis_id}>
            <td>
              <span className="row">
                <input
                  type="checkbox"
                  aria-label={`${t.teaching.choose.case} ${one.patient}`}
                  disabled={one.cells === 0}
                  checked={one.cells > 0 && !left.has(one.analysis_id)}
                  onChange={(event) => onTick([one.analysis_id], event.target.checked)}
                />
                <Link to={`/patients/${one.patient_id}`}>{one.patient}</Link>
              </span>
            </td>
            <td className="small soft">{when(one.signed_at)}</td>
            <td className="number">{number(one.cells)}</td>
            <td className="number">{number(one.blasts)}</td>
            <td className="small soft">
              {[one.is_learned ? t.teaching.choose.learned : "", one.unusable ? t.teaching.choose.unusable(one.unusable) : ""].filter(Boolean).join("; ")}
            </td>
          </tr>
        ))}
      </Table>
    </div>
  );
}

function Given({ outlook }: { outlook: Outlook }): ReactNode {
  const { taxonomy } = useKnown();
  const words = t.teaching.outlook;
  const name = (id: string): string => taxonomy.types.find((type) => type.id === id)?.name ?? id;
  const types = Object.entries(outlook.types).sort((a, b) => b[1] - a[1]);
  return (
    <div className="stack" role="status" data-testid="outlook">
      {outlook.cells > 0 ? (
        <>
          <p>{words.sum(outlook.cells, outlook.blasts, outlook.patients, outlook.laboratories.join(", "))}</p>
          <p className="small">
            <span className="soft">{words.types}: </span>
            {types.map(([id, count]) => `${name(id)} ${number(count)}`).join(" · ")}
          </p>
        </>
      ) : null}
      {outlook.verdict === "none" ? <p className="error">{words.none(outlook.message)}</p> : null}
      {outlook.verdict === "thin" ? <p className="notice">{words.thin(outlook.enough_of_each, outlook.enough_patients)}</p> : null}
      {outlook.verdict === "enough" ? <p>{words.enough}</p> : null}
      {outlook.verdict !== "none" && outlook.laboratories.length === 1 ? <p className="small soft">{words.one}</p> : null}
    </div>
  );
}
