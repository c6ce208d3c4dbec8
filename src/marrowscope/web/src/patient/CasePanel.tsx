import { useEffect, useState, type FormEvent, type ReactNode } from "react";
import { get, Problem as ServiceProblem, put } from "../api/client";
import type { Details, Morphology, Patient } from "../api/shapes";
import { useKnown } from "../context";
import { useAction, useLoaded } from "../hooks";
import { Labelled, Loading, Problem } from "../parts/basics";
import { t } from "../strings";
import { MorphologyPhrases } from "./MorphologyPhrases";

/** Entries not saved yet, by user, patient and revision: they outlive the form, which other tabs and news of an analysis take away. */
const drafts = new Map<string, Details>();

type Lines = "site" | "requester" | "order_number" | "stain" | "slide_quality";

/** What is stated about a case: specimen, request, morphology, conclusion. It stays when the images are analysed again. */
export function CasePanel({ patient, locked, onSaved, children }: { patient: Patient; locked: boolean; onSaved: () => void; children: ReactNode }): ReactNode {
  const { user } = useKnown();
  const saved = useLoaded(`${patient.id} details`, (signal) => get<Details>(`/patients/${patient.id}/details`, signal));
  const phrases = useLoaded("morphology", (signal) => get<Morphology>("/morphology", signal));
  if (saved.error ?? phrases.error) return <p className="empty">{saved.error ?? phrases.error}</p>;
  if (!saved.data || !phrases.data) return <Loading />;
  return (
    <div className="page case">
      {children}
      <h2>{t.patient.tabs.case}</h2>
      <p className="soft">{locked ? t.details.locked : t.details.lead}</p>
      <Form
        key={saved.data.revision}
        patient={patient.id}
        saved={saved.data}
        morphology={phrases.data}
        readOnly={locked || user.role === "viewer"}
        onSaved={(details) => {
          saved.set(details);
          onSaved();
        }}
        onReload={saved.reload}
      />
    </div>
  );
}

interface FormProps {
  patient: string;
  saved: Details;
  morphology: Morphology;
  readOnly: boolean;
  onSaved: (details: Details) => void;
  onReload: () => void;
}

function Form({ patient, saved, morphology, readOnly, onSaved, onReload }: FormProps): ReactNode {
  const { user } = useKnown();
  const draft = `${user.username} ${patient} ${saved.revision}`;
  const [details, setDetails] = useState(drafts.get(draft) ?? saved);
  const [stale, setStale] = useState(false);
  const { busy, error, run } = useAction();
  const changed = JSON.stringify(details) !== JSON.stringify(saved);
  const set = (change: Partial<Details>): void => {
    const next = { ...details, ...change };
    drafts.set(draft, next);
    setDetails(next);
  };
  useLeavingAsks(changed);
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    run(async () => {
      try {
        onSaved(await put<Details>(`/patients/${patient}/details`, details));
        drafts.delete(draft);
      } catch (problem) {
        setStale(problem instanceof ServiceProblem && problem.is("conflict"));
        throw problem;
      }
    });
  };
  const line = (name: Lines, known: string[] = []): ReactNode => (
    <Labelled label={t.details.labels[name]}>
      <input className="input" maxLength={200} list={known.length > 0 ? `known-${name}` : undefined} value={details[name]} onChange={(event) => set({ [name]: event.target.value })} />
      {known.length > 0 ? (
        <datalist id={`known-${name}`}>
          {known.map((one) => (
            <option key={one} value={one} />
          ))}
        </datalist>
      ) : null}
    </Labelled>
  );
  const day = (name: "collected" | "received"): ReactNode => (
    <Labelled label={t.details.labels[name]}>
      <input className="input" type="date" value={details[name]} onChange={(event) => set({ [name]: event.target.value })} />
    </Labelled>
  );
  const isBlood = details.specimen === "blood";
  return (
    <form onSubmit={submit} data-testid="case">
      <fieldset disabled={readOnly || busy} className="stack">
        <div className="case-grid">
          <Labelled label={t.details.labels.specimen} hint={t.details.specimenHint}>
            <Choice value={details.specimen} options={t.details.specimens} onChange={(specimen) => set({ specimen })} />
          </Labelled>
          {isBlood ? null : line("site", t.details.sites)}
          {isBlood ? null : (
            <Labelled label={t.details.labels.particles}>
              <Choice value={details.particles} options={t.details.particles} onChange={(particles) => set({ particles })} />
            </Labelled>
          )}
          <Labelled label={t.details.labels.age_years} hint={t.details.ageHint}>
            <input className="input" type="number" min={0} max={130} step="any" value={details.age_years ?? ""} onChange={(event) => set({ age_years: event.target.value === "" ? null : Number(event.target.value) })} />
          </Labelled>
          <Labelled label={t.details.labels.sex}>
            <Choice value={details.sex} options={t.details.sexes} onChange={(sex) => set({ sex })} />
          </Labelled>
          {day("collected")}
          {day("received")}
          {line("requester")}
          {line("order_number")}
          {line("stain", t.details.stains)}
          {line("slide_quality", t.details.qualities)}
        </div>
        <Labelled label={t.details.labels.clinical_details}>
          <textarea className="input" rows={2} maxLength={4000} value={details.clinical_details} onChange={(event) => set({ clinical_details: event.target.value })} />
        </Labelled>
        <MorphologyPhrases morphology={morphology} specimen={details.specimen} chosen={details.phrases} onChange={(phrases) => set({ phrases })} />
        <Labelled label={t.details.labels.comment}>
          <textarea className="input" rows={3} maxLength={4000} value={details.comment} onChange={(event) => set({ comment: event.target.value })} />
        </Labelled>
        <Labelled label={t.details.labels.conclusion} hint={t.details.conclusionHint}>
          <textarea className="input" rows={3} maxLength={4000} value={details.conclusion} onChange={(event) => set({ conclusion: event.target.value })} />
        </Labelled>
      </fieldset>
      {readOnly ? null : (
        <div className="case-foot">
          <Problem message={error} />
          <span className="grow soft small" aria-live="polite">
            {changed ? t.details.unsaved : saved.revision > 0 ? t.details.saved : ""}
          </span>
          {stale ? (
            <button type="button" className="button" onClick={onReload}>
              {t.details.reload}
            </button>
          ) : null}
          <button type="submit" className="button primary" disabled={busy || !changed}>
            {t.save}
          </button>
        </div>
      )}
    </form>
  );
}

function Choice<T extends string>({ value, options, onChange }: { value: T; options: Record<T, string>; onChange: (value: T) => void }): ReactNode {
  return (
    <select className="input" value={value} onChange={(event) => onChange(event.target.value as T)}>
      {(Object.keys(options) as T[]).map((one) => (
        <option key={one} value={one}>
          {options[one]}
        </option>
      ))}
    </select>
  );
}

/** The browser asks before it leaves a page with unsaved entries. */
function useLeavingAsks(unsaved: boolean): void {
  useEffect(() => {
    if (!unsaved) return undefined;
    const ask = (event: BeforeUnloadEvent): void => event.preventDefault();
    addEventListener("beforeunload", ask);
    return () => removeEventListener("beforeunload", ask);
  }, [unsaved]);
}
