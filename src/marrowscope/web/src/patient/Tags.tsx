import { useState, type FormEvent, type ReactNode } from "react";
import { get, post, remove } from "../api/client";
import type { Page, Patient, TagUse } from "../api/shapes";
import { useKnown } from "../context";
import { useAction, useLoaded } from "../hooks";
import { Problem } from "../parts/basics";
import { t } from "../strings";

/** The tags of a patient: added by a word, suggested from those in use, removed by a click. */
export function Tags({ patient, onChange }: { patient: Patient; onChange: () => void }): ReactNode {
  const { user } = useKnown();
  const mayChange = user.role !== "viewer";
  const [text, setText] = useState("");
  const { busy, error, run } = useAction();
  const inUse = useLoaded(mayChange ? "tags" : null, (signal) => get<Page<TagUse>>("/tags", signal));
  const url = `/patients/${patient.id}/tags`;
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    if (!text.trim()) return;
    run(async () => {
      await post(url, { tag: text });
      setText("");
      inUse.reload();
      onChange();
    });
  };
  const takeOff = (tag: string): void =>
    run(async () => {
      await remove(`${url}?tag=${encodeURIComponent(tag)}`);
      onChange();
    });
  return (
    <section className="stack tight" aria-label={t.tags.title}>
      <h3>{t.tags.title}</h3>
      <div className="tags" data-testid="tags">
        {patient.tags.length === 0 ? <span className="soft small">{t.tags.none}</span> : null}
        {patient.tags.map((tag) => (
          <span key={tag} className="tag">
            {tag}
            {mayChange ? (
              <button type="button" disabled={busy} aria-label={t.tags.remove(tag)} title={t.tags.remove(tag)} onClick={() => takeOff(tag)}>
                ×
              </button>
            ) : null}
          </span>
        ))}
        {mayChange ? (
          <form className="row" onSubmit={submit}>
            <input className="input compact" list="tags-in-use" maxLength={40} aria-label={t.tags.add} title={t.tags.lead} placeholder={t.tags.placeholder} value={text} onChange={(event) => setText(event.target.value)} />
            <datalist id="tags-in-use">
              {inUse.data?.items.filter((one) => !patient.tags.includes(one.tag)).map((one) => <option key={one.tag} value={one.tag} />)}
            </datalist>
            <button type="submit" className="button compact" disabled={busy || !text.trim()}>
              {t.tags.add}
            </button>
          </form>
        ) : null}
      </div>
      <Problem message={error} />
    </section>
  );
}
