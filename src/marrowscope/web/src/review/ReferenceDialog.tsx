import type { ReactNode } from "react";
import { get } from "../api/client";
import type { Cell, Page, Patient } from "../api/shapes";
import { useTypes } from "../context";
import { useLoaded } from "../hooks";
import { Dialog } from "../parts/basics";
import { t } from "../strings";
import type { ReviewStore } from "./state/store";

const CASES = 6;
const SHOWN = 24;

/** Description and examples of a type: confirmed cells of signed reports, and this patient's most certain ones. */
export function ReferenceDialog({ store, type, onClose }: { store: ReviewStore; type: string; onClose: () => void }): ReactNode {
  const shape = useTypes().get(type);
  const confirmed = useLoaded(`reference ${type}`, (signal) => signedExamples(type, store.analysis.id, signal));
  const here = [...store.all]
    .filter((cell) => cell.model_type === type && cell.type === type && !cell.deleted)
    .sort((a, b) => b.probability - a.probability)
    .slice(0, SHOWN);
  return (
    <Dialog title={t.reference.title(shape?.name ?? type)} wide onClose={onClose}>
      <div className="stack">
        <p>{t.morphology[type]}</p>
        <p className="small soft">
          {shape?.is_blast ? `${t.reference.isBlast} ` : null}
          {shape?.is_counted ? t.reference.counts : t.reference.notCounted}
        </p>
        <h3>{t.reference.confirmed}</h3>
        {confirmed.data === null ? <p className="faint">{confirmed.error ?? t.loading}</p> : <Strip cells={confirmed.data} />}
        <h3>{t.reference.here}</h3>
        <Strip cells={here} />
      </div>
    </Dialog>
  );
}

function Strip({ cells }: { cells: Cell[] }): ReactNode {
  if (cells.length === 0) return <p className="faint small">{t.reference.none}</p>;
  return (
    <div className="strip-of-cells">
      {cells.map((cell) => (
        <img key={cell.id} src={`${cell.crop}?size=96`} alt="" loading="lazy" />
      ))}
    </div>
  );
}

async function signedExamples(type: string, except: string, signal: AbortSignal): Promise<Cell[]> {
  const signed = await get<Page<Patient>>(`/patients?status=signed&limit=${CASES}`, signal);
  const analyses = signed.items.map((patient) => patient.analysis?.id).filter((id) => id !== undefined && id !== except);
  const cells = await Promise.all(analyses.map((id) => get<Page<Cell>>(`/analyses/${id}/cells?type=${type}&limit=60&sort=confidence`, signal)));
  return cells
    .flatMap((page) => page.items)
    .filter((cell) => cell.reviewed_type === type && !cell.deleted)
    .slice(0, SHOWN);
}
