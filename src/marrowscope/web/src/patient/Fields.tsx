import { useState, type ReactNode } from "react";
import { getAll, remove } from "../api/client";
import type { Field, Patient, Slide } from "../api/shapes";
import { flagName, useKnown } from "../context";
import { useAction, useLoaded } from "../hooks";
import { number } from "../locale";
import { Link, Problem } from "../parts/basics";
import { useDrop } from "../pages/Worklist";
import { patientAddress } from "../route";
import { t } from "../strings";
import { UploadDialog } from "../upload/UploadDialog";
import type { Batch } from "../upload/dropped";
import { Megakaryocytes } from "./Megakaryocytes";
import { Slides } from "./Slides";

/** The images of a patient, with remarks on each. */
export function Fields({ patient, fields, isBlind, onChange, onAnswer }: { patient: Patient; fields: Field[]; isBlind: boolean; onChange: () => void; onAnswer: () => void }): ReactNode {
  const { user } = useKnown();
  const mayAdd = user.role !== "viewer";
  const [batches, setBatches] = useState<Batch[] | null>(null);
  const drop = useDrop(mayAdd && patient.analysis?.status !== "live", (found) => setBatches([{ name: "", files: found.flatMap((batch) => batch.files) }]));
  const { busy, error, run } = useAction();
  const slides = useLoaded(`${patient.id} slides ${fields.length}`, (signal) => getAll<Slide>(`/patients/${patient.id}/slides`, signal));
  return (
    <div className="page" {...drop.handlers} style={{ minHeight: "100%" }}>
      <div className="row">
        <h2 className="grow">
          {t.patient.tabs.fields} <span className="faint">{fields.length}</span>
        </h2>
        {mayAdd ? (
          <button type="button" className="button" onClick={() => setBatches([])}>
            {t.upload.title}
          </button>
        ) : null}
      </div>
      <Problem message={error} />
      {fields.length === 0 ? <p className="card empty">{t.fieldsPage.none}</p> : null}
      <Slides slides={slides.data ?? []} />
      {isBlind ? null : <Megakaryocytes patient={patient} images={[...(slides.data ?? []), ...fields]} onChange={onAnswer} />}
      <div className="field-card-grid">
        {fields.map((field) => (
          <article key={field.id} className={`card field-card ${field.status}`}>
            {field.status === "failed" || !field.thumbnail ? <div className="empty small error">{t.fieldsPage.statuses.failed}</div> : <Opening patient={patient} field={field}><img src={field.thumbnail} alt={field.status === "read" ? t.fieldsPage.open(field.name) : ""} loading="lazy" /></Opening>}
            <div className="text">
              <div className="row">
                <strong className="grow clip" title={field.name}>
                  <Opening patient={patient} field={field}>{field.name}</Opening>
                </strong>
                <span className={field.status === "failed" ? "error" : "soft"}>{t.fieldsPage.statuses[field.status]}</span>
              </div>
              <span className="faint small" hidden={field.width === 0}>
                {field.width} × {field.height}
                {field.mpp ? ` · ${number(field.mpp, 3)} µm/px` : ` · ${t.viewer.unknownScale}`}
                {!field.cells ? "" : ` · ${t.cells(field.cells)}`}
              </span>
              {field.message ? <span lang="en" className={field.status === "failed" ? "error small" : "small soft"}>{field.message}</span> : null}
              {field.flags.length > 0 ? <span className="small soft">{field.flags.map(flagName).join(", ")}</span> : null}
              {mayAdd && field.status === "stored" ? (
                <button type="button" className="button quiet compact" disabled={busy} onClick={() => run(async () => { await remove(`/fields/${field.id}`); onChange(); })}>
                  {t.fieldsPage.remove}
                </button>
              ) : null}
            </div>
          </article>
        ))}
      </div>
      {drop.over ? <div className="drop-veil">{t.worklist.drop}</div> : null}
      {batches ? <UploadDialog batches={batches} patient={patient} onClose={() => setBatches(null)} onPatient={onChange} /> : null}
    </div>
  );
}

/** The way to a field among the cells, once it is read. */
function Opening({ patient, field, children }: { patient: Patient; field: Field; children: ReactNode }): ReactNode {
  return field.status === "read" ? <Link to={patientAddress(patient.id, { field: field.id })}>{children}</Link> : children;
}
