import { useState, type FormEvent, type ReactNode } from "react";
import { get, post } from "../api/client";
import type { Analysis, LiveFolder, Page, Patient } from "../api/shapes";
import { useKnown } from "../context";
import { useAction, useLoaded } from "../hooks";
import { Dialog, Labelled, Problem } from "../parts/basics";
import { go, patientAddress } from "../route";
import { t } from "../strings";
import { RuleField, ScaleField } from "../upload/fields";

/** Begin a live session, of a new patient or of one who is there. */
export function StartDialog({ patient, onClose, onStarted }: { patient?: Patient; onClose: () => void; onStarted?: () => void }): ReactNode {
  const { settings } = useKnown();
  const earlier = patient?.analysis ?? null;
  const [name, setName] = useState("");
  const [rule, setRule] = useState(earlier?.rule ?? settings.rule);
  const [mpp, setMpp] = useState(earlier?.mpp ? String(earlier.mpp) : "");
  const [folder, setFolder] = useState("");
  const [takesEarlier, setTakesEarlier] = useState(false);
  const folders = useLoaded("live folders", (signal) => get<Page<LiveFolder>>("/live/folders", signal));
  const { busy, error, run } = useAction();
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    run(async () => {
      const id = patient?.id ?? (await post<Patient>("/patients", { name: name.trim() })).id;
      await post<Analysis>(`/patients/${id}/live`, { rule, folder, takes_earlier: takesEarlier, ...(mpp ? { mpp: Number(mpp) } : {}) });
      onStarted?.();
      onClose();
      go(patientAddress(id));
    });
  };
  return (
    <Dialog
      title={patient ? `${t.live.title}: ${patient.name}` : t.live.title}
      onClose={onClose}
      foot={
        <>
          <button type="button" className="button" onClick={onClose}>
            {t.cancel}
          </button>
          <button type="submit" form="live-form" className="button primary" disabled={busy || !(patient || name.trim())}>
            {t.live.begin}
          </button>
        </>
      }
    >
      <form id="live-form" className="stack" onSubmit={submit}>
        <p className="soft small">{t.live.lead}</p>
        {patient ? null : (
          <Labelled label={t.upload.patientName}>
            <input className="input" required maxLength={120} value={name} onChange={(event) => setName(event.target.value)} />
          </Labelled>
        )}
        {folders.data && folders.data.items.length > 0 ? (
          <>
            <Labelled label={t.live.source}>
              <select className="input" value={folder} onChange={(event) => setFolder(event.target.value)}>
                <option value="">{t.live.browser}</option>
                {folders.data.items.map((one) => (
                  <option key={one.name} value={one.name}>
                    {t.live.server(one.name)}
                  </option>
                ))}
              </select>
            </Labelled>
            {folder ? (
              <label className="check">
                <input type="checkbox" checked={takesEarlier} onChange={(event) => setTakesEarlier(event.target.checked)} />
                {t.live.earlier}
              </label>
            ) : null}
          </>
        ) : null}
        <RuleField value={rule} onChange={setRule} />
        <ScaleField value={mpp} onChange={setMpp} />
        <Problem message={error} />
      </form>
    </Dialog>
  );
}
