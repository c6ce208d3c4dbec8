import type { ReactNode } from "react";
import { post, remove } from "../api/client";
import { StartDialog } from "../live/StartDialog";
import { go } from "../route";
import { t } from "../strings";
import { worklistAddress } from "../worklist/filters";
import { AgainDialog } from "./AgainDialog";
import { ReasonDialog } from "./ReasonDialog";
import { likeBefore, type ShownCells } from "./shown";
import { SignDialog } from "./SignDialog";

export type DialogName = "sign" | "amend" | "again" | "live" | "delete";

/** The dialog that is open on a patient's page. */
export function Dialogs({ name, patient, analysis, store, onReload, onClose }: ShownCells & { name: DialogName | null; onClose: () => void }): ReactNode {
  return (
    <>
      {name === "sign" && store ? (
        <SignDialog
          store={store}
          specimen={patient.specimen}
          onClose={onClose}
          onSigned={() => {
            onClose();
            onReload();
          }}
        />
      ) : null}
      {name === "again" ? (
        <AgainDialog
          patient={patient.id}
          onClose={onClose}
          onSubmit={async (readAgain) => {
            await post(`/patients/${patient.id}/analyses`, { ...(analysis ? likeBefore(analysis) : {}), read_again: readAgain });
            onClose();
            onReload();
          }}
        />
      ) : null}
      {name === "live" ? <StartDialog patient={patient} onClose={onClose} onStarted={onReload} /> : null}
      {name === "amend" && analysis ? (
        <ReasonDialog
          title={t.sign.amendTitle}
          lead={t.sign.amendLead}
          label={t.sign.reason}
          submit={t.sign.amendSubmit}
          onClose={onClose}
          onSubmit={async (reason) => {
            await post(`/analyses/${analysis.id}/amendments`, { reason });
            onClose();
            onReload();
          }}
        />
      ) : null}
      {name === "delete" ? (
        <ReasonDialog
          title={t.patient.remove}
          lead={t.patient.removeLead}
          label={t.versions.reason}
          submit={t.patient.remove}
          danger
          onClose={onClose}
          onSubmit={async (reason) => {
            await remove(`/patients/${patient.id}`, { reason });
            go(worklistAddress(), true);
          }}
        />
      ) : null}
    </>
  );
}
