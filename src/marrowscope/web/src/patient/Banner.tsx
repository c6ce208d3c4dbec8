import type { ReactNode } from "react";
import { useKnown } from "../context";
import { t, when } from "../strings";
import { isActive, type Shown } from "./shown";

/** Notices for this page: signed report, fields added since, blind reading, viewer only. */
export function Banner({ patient, mine }: Shown): ReactNode {
  const { user } = useKnown();
  if (mine) return <div className="strip plain">{t.readings.blind}</div>;
  if (patient.signed) {
    const { version, by, at, state, added } = patient.signed;
    return (
      <div className="strip plain" data-testid="signed">
        <strong>{t.patient.signed(version, by, when(at))}</strong> <span className="soft">{state === "current" ? t.patient.locked : t.patient.notCurrent[state]}</span>
        {added > 0 ? <strong>{t.patient.addedSince(added)}</strong> : null}
      </div>
    );
  }
  if (user.role === "viewer") return <div className="strip plain">{t.patient.viewerOnly}</div>;
  return null;
}

/** Fields that no analysis has read yet, with the way to have them read. */
export function AddedStrip({ patient, mine, onRead }: Shown & { onRead: () => void }): ReactNode {
  const { user } = useKnown();
  if (patient.added === 0 || mine || isActive(patient.analysis)) return null;
  return (
    <div className="strip" data-testid="added">
      <span>{t.patient.added(patient.added)}</span>
      {user.role === "viewer" ? null : (
        <button type="button" className="button compact" onClick={onRead}>
          {t.patient.readAdded(patient.added)}
        </button>
      )}
    </div>
  );
}
