import type { ReactNode } from "react";
import type { Cell } from "../api/shapes";
import { useTypes } from "../context";
import { Dialog } from "../parts/basics";
import { t, when } from "../strings";
import type { Answer } from "./state/edits";
import type { ReviewStore } from "./state/store";
import { useStoreVersion } from "./state/useStore";

/** Someone else's answers beside the user's, to choose for each cell. */
export function ConflictDialog({ store, onClose }: { store: ReviewStore; onClose: () => void }): ReactNode {
  useStoreVersion(store);
  const types = useTypes();
  const conflicts = [...store.outbox.conflicts.values()];
  const settle = (cells: Cell[], mine: boolean): void => {
    for (const cell of cells) store.outbox.resolve(cell.id, mine);
    if (store.outbox.conflicts.size === 0) onClose();
  };
  const shown = (answer: Answer | undefined, model: string | null): string => {
    if (!answer) return t.unavailable;
    if (answer.deleted) return t.gallery.struck;
    return types.get(answer.type ?? model ?? "")?.name ?? t.unavailable;
  };
  return (
    <Dialog
      title={t.conflict.title}
      wide
      onClose={onClose}
      foot={
        <>
          <button type="button" className="button" onClick={() => settle(conflicts, false)}>
            {t.conflict.allTheirs}
          </button>
          <button type="button" className="button" onClick={() => settle(conflicts, true)}>
            {t.conflict.allMine}
          </button>
        </>
      }
    >
      <p className="soft">{t.conflict.lead}</p>
      <table className="table conflicts">
        <tbody>
          {conflicts.map((cell) => (
            <tr key={cell.id}>
              <td>
                <img src={`${cell.crop}?size=96`} alt="" />
              </td>
              <td>
                <div className="small faint">
                  {t.conflict.theirs(cell.reviewed_by ?? t.conflict.somebody)}, {when(cell.reviewed_at)}
                </div>
                <strong>{shown({ type: cell.reviewed_type, deleted: cell.deleted }, cell.model_type)}</strong>
              </td>
              <td>
                <div className="small faint">{t.conflict.mine}</div>
                <strong>{shown(store.outbox.answer(cell.id), cell.model_type)}</strong>
              </td>
              <td>
                <div className="row">
                  <button type="button" className="button compact" onClick={() => settle([cell], false)}>
                    {t.conflict.keepTheirs}
                  </button>
                  <button type="button" className="button compact primary" onClick={() => settle([cell], true)}>
                    {t.conflict.keepMine}
                  </button>
                </div>
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </Dialog>
  );
}
