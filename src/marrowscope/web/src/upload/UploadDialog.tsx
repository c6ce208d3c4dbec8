import { useRef, useState, type FormEvent, type ReactNode } from "react";
import { get } from "../api/client";
import type { Bundle, Patient } from "../api/shapes";
import { useKnown } from "../context";
import { useLoaded } from "../hooks";
import { Dialog, Labelled } from "../parts/basics";
import { WhatStays } from "../patient/AgainDialog";
import { t, when } from "../strings";
import { byFolder, type Batch } from "./dropped";
import { RuleField, ScaleField } from "./fields";
import { uploads, type AnalyseOptions } from "./manager";

/** Request the patients' numbers and the analysis settings, then upload. */
export function UploadDialog(props: { batches: Batch[]; patient?: Patient; onClose: () => void; onPatient?: () => void }): ReactNode {
  const { settings } = useKnown();
  const [batches, setBatches] = useState(props.batches);
  const [names, setNames] = useState(() => props.batches.map((batch) => batch.name || defaultName()));
  // What comes in during a live session is read there.
  const isLive = props.patient?.analysis?.status === "live";
  const [analyse, setAnalyse] = useState(!isLive);
  const earlier = props.patient?.analysis ?? null;
  const [rule, setRule] = useState(earlier?.rule ?? settings.rule);
  const [bundle, setBundle] = useState("");
  const [mpp, setMpp] = useState(earlier?.mpp ? String(earlier.mpp) : "");
  const bundles = useLoaded("bundles", () => get<{ items: Bundle[] }>("/bundles"));
  const files = useRef<HTMLInputElement>(null);
  const folder = useRef<HTMLInputElement>(null);

  const choose = (chosen: FileList | null): void => {
    const found = byFolder([...(chosen ?? [])]);
    setBatches(found);
    setNames(found.map((batch) => batch.name || defaultName()));
  };
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    const options: AnalyseOptions = { rule };
    if (bundle) options.bundle = bundle;
    if (mpp) options.mpp = Number(mpp);
    batches.forEach((batch, index) => {
      const name = props.patient?.name ?? names[index] ?? batch.name;
      void uploads.start(name, props.patient?.id ?? null, batch.files, analyse ? options : null, props.onPatient);
    });
    props.onClose();
  };
  const ready = batches.length > 0 && (props.patient !== undefined || names.every((name) => name.trim()));
  return (
    <Dialog
      title={props.patient ? t.upload.to(props.patient.name) : t.upload.title}
      onClose={props.onClose}
      foot={
        <>
          <button type="button" className="button" onClick={props.onClose}>
            {t.cancel}
          </button>
          <button type="submit" form="upload-form" className="button primary" disabled={!ready}>
            {t.upload.submit}
          </button>
        </>
      }
    >
      <form id="upload-form" className="stack" onSubmit={submit}>
        <p className="soft small">{t.upload.lead}</p>
        <div className="row">
          <button type="button" className="button" onClick={() => files.current?.click()}>
            {t.upload.chooseFiles}
          </button>
          <button type="button" className="button" onClick={() => folder.current?.click()}>
            {t.upload.chooseFolder}
          </button>
          <input ref={files} type="file" multiple hidden data-testid="files" onChange={(event) => choose(event.target.files)} />
          <input ref={(element) => { folder.current = element; element?.setAttribute("webkitdirectory", ""); }} type="file" multiple hidden data-testid="folder" onChange={(event) => choose(event.target.files)} />
          {props.patient ? <span className="soft">{t.files(batches.reduce((sum, batch) => sum + batch.files.length, 0))}</span> : null}
        </div>
        {props.patient
          ? null
          : batches.map((batch, index) => (
              <Labelled key={index} label={t.upload.patientName} hint={t.files(batch.files.length)}>
                <input
                  className="input"
                  required
                  maxLength={120}
                  autoFocus={index === 0}
                  value={names[index] ?? ""}
                  onFocus={(event) => event.target.select()}
                  onChange={(event) => setNames(names.map((name, at) => (at === index ? event.target.value : name)))}
                />
              </Labelled>
            ))}
        {isLive ? null : (
          <label className="check">
            <input type="checkbox" checked={analyse} onChange={(event) => setAnalyse(event.target.checked)} />
            {t.upload.start}
          </label>
        )}
        {analyse && props.patient && earlier ? (
          <div>
            <p>{t.again.withImages}</p>
            <WhatStays patient={props.patient.id} />
          </div>
        ) : null}
        {analyse ? (
          <>
            <RuleField value={rule} onChange={setRule} />
            {(bundles.data?.items.length ?? 0) > 1 ? (
              <Labelled label={t.patient.networks}>
                <select className="input" value={bundle} onChange={(event) => setBundle(event.target.value)}>
                  {bundles.data?.items.map((one) => (
                    <option key={one.id} value={one.is_default ? "" : one.id}>
                      {one.title} {one.version}
                    </option>
                  ))}
                </select>
              </Labelled>
            ) : null}
            <ScaleField value={mpp} onChange={setMpp} />
          </>
        ) : null}
      </form>
    </Dialog>
  );
}

function defaultName(): string {
  return t.upload.unnamed(when(new Date().toISOString()).replace(":", ""));
}
