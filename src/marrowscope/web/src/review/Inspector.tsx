import { memo, type ReactNode, type RefObject } from "react";
import type { Cell, Field } from "../api/shapes";
import { flagName, useKnown, useTypes } from "../context";
import { useAction } from "../hooks";
import { Problem } from "../parts/basics";
import { useRequests } from "../requests/ofPatient";
import { RequestCard } from "../requests/RequestCard";
import { t, when } from "../strings";
import { Comments } from "./Comments";
import { pin, useAtlas } from "./compare/atlas";
import { Comparison } from "./compare/Comparison";
import type { ReviewStore } from "./state/store";
import { useLateVersion } from "./state/useStore";

/** The focused cell, enlarged, with its prediction and its answer; beside it, cells to compare it with. */
export const Inspector = memo(function Inspector(props: {
  store: ReviewStore;
  fields: Map<string, Field>;
  commentBox: RefObject<HTMLTextAreaElement | null>;
  onShow: () => void;
  /** A type to compare with, null for those that the networks hesitate between; undefined hides the comparison. */
  compared: string | null | undefined;
  onCompare: () => void;
}): ReactNode {
  const { store, fields, compared } = props;
  useLateVersion(store);
  const cell = store.cell(store.selection.focus);
  if (!cell) {
    return (
      <section aria-label={t.inspector.label}>
        <p className="faint small">{t.inspector.none}</p>
      </section>
    );
  }
  const chosen = store.selection.chosen;
  const targets = chosen.size > 0 ? chosen : new Set([cell.id]);
  return (
    <section aria-label={t.inspector.label}>
      <div className="inspector">
        <img src={`${cell.crop}?size=392`} alt="" />
        <Facts cell={cell} field={fields.get(cell.field_id)} />
      </div>
      {chosen.size > 1 ? <p className="small soft">{t.inspector.several(chosen.size)}</p> : null}
      <div className="inspector-actions">
        {store.isTest ? null : (
          <button type="button" className="button compact" disabled={!store.canEdit} onClick={() => store.confirm(targets)}>
            {t.inspector.confirm} <kbd>↵</kbd>
          </button>
        )}
        <button type="button" className="button compact" disabled={!store.canEdit || cell.reviewed_type === null || cell.origin === "person"} onClick={() => store.takeBack(targets)}>
          {t.inspector.takeBack} <kbd>⌫</kbd>
        </button>
        <button type="button" className="button compact" disabled={!store.canEdit} onClick={() => store.strike(targets, !cell.deleted)}>
          {cell.deleted ? t.viewer.restore : t.viewer.strike} <kbd>{t.help.caps.Del}</kbd>
        </button>
        <button type="button" className="button compact" onClick={props.onShow}>
          {t.inspector.showInField} <kbd>.</kbd>
        </button>
        <button type="button" className="button compact" aria-pressed={compared !== undefined} onClick={props.onCompare}>
          {t.compare.open} <kbd>,</kbd>
        </button>
        {store.isTest ? null : <Ask cell={cell} field={fields.get(cell.field_id)} />}
        {store.analysis.locked && !store.isTest && cell.reviewed_type !== null && !cell.deleted ? <Pin key={cell.id} cell={cell} /> : null}
      </div>
      {compared === undefined ? null : <Comparison cell={cell} chosen={compared} />}
      {store.isTest ? null : (
        <>
          <RequestsOfCell cell={cell} />
          <Comments cell={cell} box={props.commentBox} onAdded={() => store.commented(cell.id)} />
        </>
      )}
    </section>
  );
});

/** Ask a colleague about the cell; its field and the whole case can be chosen instead. */
function Ask({ cell, field }: { cell: Cell; field: Field | undefined }): ReactNode {
  const { ask } = useRequests();
  if (!ask) return null;
  return (
    <button type="button" className="button compact" aria-haspopup="dialog" onClick={() => ask({ cell: { id: cell.id, place: t.inspector.place(field?.name ?? "", cell.number) } })}>
      {t.requests.ask}
    </button>
  );
}

function RequestsOfCell({ cell }: { cell: Cell }): ReactNode {
  const { items, reload } = useRequests();
  return items.filter((one) => one.cell_id === cell.id).map((one) => <RequestCard key={one.id} request={one} isPlaced onChanged={reload} />);
}

function Pin({ cell }: { cell: Cell }): ReactNode {
  const { user } = useKnown();
  const { busy, error, run } = useAction();
  const isPinned = useAtlas(cell.type)?.some((picture) => picture.cell_id === cell.id) ?? false;
  if (user.role === "viewer") return null;
  return (
    <>
      <button type="button" className="button compact" disabled={busy} title={t.compare.pinWhy} onClick={() => run(() => pin(cell.id, cell.type, !isPinned))}>
        {isPinned ? t.compare.unpin : t.compare.pin}
      </button>
      <Problem message={error} />
    </>
  );
}

function Facts({ cell, field }: { cell: Cell; field: Field | undefined }): ReactNode {
  const types = useTypes();
  const name = (type: string | null): string => (type === null ? t.unavailable : (types.get(type)?.name ?? type));
  const isUnnamed = cell.origin === "network" && cell.model_type === null;
  return (
    <div className="facts">
      <strong>
        {name(cell.type)}
        {cell.deleted ? ` · ${t.gallery.struck}` : null}
      </strong>
      {isUnnamed ? null : <span className="soft">{cell.origin === "person" ? t.inspector.addedByHand : t.inspector.network(name(cell.model_type), t.percent(100 * cell.probability))}</span>}
      {cell.second_type !== null && cell.second_probability !== null ? <span className="soft">{t.inspector.second(name(cell.second_type), t.percent(100 * cell.second_probability))}</span> : null}
      {cell.origin === "network" && !isUnnamed ? <span className="soft">{t.inspector.blast(t.percent(100 * cell.p_blast))}</span> : null}
      <span className={cell.reviewed_type === null ? "faint" : "soft"}>
        {cell.reviewed_type === null ? t.inspector.notReviewed : cell.reviewed_by ? t.inspector.by(cell.reviewed_by, when(cell.reviewed_at)) : null}
      </span>
      <span className="faint small">
        {t.inspector.place(field?.name ?? "", cell.number)}
        {cell.flags.length > 0 ? ` · ${cell.flags.map(flagName).join(", ")}` : null}
      </span>
    </div>
  );
}
