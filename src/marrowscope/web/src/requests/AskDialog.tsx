import { useState, type FormEvent, type ReactNode } from "react";
import { get, post } from "../api/client";
import type { Colleague, Field, Page } from "../api/shapes";
import { useAction, useLoaded } from "../hooks";
import { Dialog, Labelled, Problem } from "../parts/basics";
import { t } from "../strings";
import type { About } from "./ofPatient";

const CASE = "case";
const CELL = "cell";

/** Ask a colleague about the cell where the dialog was opened, a field, or the whole case. */
export function AskDialog({ patient, fields, about, onAsked, onClose }: { patient: string; fields: Field[]; about: About; onAsked: () => void; onClose: () => void }): ReactNode {
  const { cell } = about;
  const [asked, setAsked] = useState("");
  const [place, setPlace] = useState(cell ? CELL : CASE);
  const [text, setText] = useState(t.requests.usual);
  const { busy, error, run } = useAction();
  const found = useLoaded("colleagues", (signal) => get<Page<Colleague>>("/colleagues", signal));
  const colleagues = found.data?.items ?? [];
  const whom = asked || (colleagues[0]?.username ?? "");
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    run(async () => {
      const target = place === CELL && cell ? { cell_id: cell.id } : place === CASE ? {} : { field_id: place };
      await post(`/patients/${patient}/requests`, { asked: whom, text: text.trim(), ...target });
      onAsked();
      onClose();
    });
  };
  return (
    <Dialog
      title={t.requests.ask}
      onClose={onClose}
      foot={
        <>
          <button type="button" className="button" onClick={onClose}>
            {t.cancel}
          </button>
          <button type="submit" form="ask-form" className="button primary" disabled={busy || !whom || !text.trim()}>
            {t.requests.send}
          </button>
        </>
      }
    >
      <form id="ask-form" className="stack" onSubmit={submit}>
        <p className="soft small">{found.data && colleagues.length === 0 ? t.requests.nobody : t.requests.askLead}</p>
        <Labelled label={t.requests.whom}>
          <select className="input" value={whom} onChange={(event) => setAsked(event.target.value)}>
            {colleagues.map((one) => (
              <option key={one.username} value={one.username}>
                {one.name}
              </option>
            ))}
          </select>
        </Labelled>
        <Labelled label={t.requests.about}>
          <select className="input" value={place} onChange={(event) => setPlace(event.target.value)}>
            {cell ? <option value={CELL}>{t.requests.aboutCell(cell.place)}</option> : null}
            <option value={CASE}>{t.requests.aboutCase}</option>
            {fields.map((one) => (
              <option key={one.id} value={one.id}>
                {t.requests.aboutField(one.name)}
              </option>
            ))}
          </select>
        </Labelled>
        <Labelled label={t.requests.text}>
          <textarea className="input" rows={3} required maxLength={4000} value={text} onChange={(event) => setText(event.target.value)} />
        </Labelled>
        <Problem message={error ?? found.error} />
      </form>
    </Dialog>
  );
}
