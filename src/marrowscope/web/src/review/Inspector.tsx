import { memo, type ReactNode, type RefObject } from "react";
import type { Cell, Field } from "../api/shapes";
import { useTypes } from "../context";
import { t, when } from "../strings";
import { Comments } from "./Comments";
import type { ReviewStore } from "./state/store";
import { useLateVersion } from "./state/useStore";

/** The focused cell, enlarged, with its prediction and its answer. */
export const Inspector = memo(function Inspector(props: { store: ReviewStore; fields: Map<string, Field>; commentBox: RefObject<HTMLTextAreaElement | null>; onShow: () => void; onExamples: () => void }): ReactNode {
  const { store, fields } = props;
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
        <img src={`${cell.crop}?size=256`} alt="" />
        <Facts cell={cell} field={fields.get(cell.field_id)} />
      </div>
      {chosen.size > 1 ? <p className="small soft">{t.inspector.several(chosen.size)}</p> : null}
      <div className="inspector-actions">
        <button type="button" className="button compact" disabled={!store.canEdit} onClick={() => store.confirm(targets)}>
          {t.inspector.confirm} <kbd>↵</kbd>
        </button>
        <button type="button" className="button compact" disabled={!store.canEdit || cell.reviewed_type === null || cell.origin === "person"} onClick={() => store.takeBack(targets)}>
          {t.inspector.takeBack}
        </button>
        <button type="button" className="button compact" disabled={!store.canEdit} onClick={() => store.strike(targets, !cell.deleted)}>
          {cell.deleted ? t.viewer.restore : t.viewer.strike}
        </button>
        <button type="button" className="button compact" onClick={props.onShow}>
          {t.inspector.showInField}
        </button>
        <button type="button" className="button compact" onClick={props.onExamples}>
          {t.gallery.examples} <kbd>,</kbd>
        </button>
      </div>
      <Comments cell={cell} box={props.commentBox} onAdded={() => store.commented(cell.id)} />
    </section>
  );
});

function Facts({ cell, field }: { cell: Cell; field: Field | undefined }): ReactNode {
  const types = useTypes();
  const name = (type: string | null): string => (type === null ? t.unavailable : (types.get(type)?.name ?? type));
  return (
    <div className="facts">
      <strong>
        {name(cell.type)}
        {cell.deleted ? ` · ${t.gallery.struck}` : null}
      </strong>
      <span className="soft">{cell.origin === "person" ? t.inspector.addedByHand : t.inspector.network(name(cell.model_type), t.percent(100 * cell.probability))}</span>
      {cell.origin === "network" ? <span className="soft">{t.inspector.blast(t.percent(100 * cell.p_blast))}</span> : null}
      <span className={cell.reviewed_type === null ? "faint" : "soft"}>
        {cell.reviewed_type === null ? t.inspector.notReviewed : cell.reviewed_by ? t.inspector.by(cell.reviewed_by, when(cell.reviewed_at)) : null}
      </span>
      <span className="faint small">
        {t.inspector.place(field?.name ?? "", cell.number)}
        {cell.flags.length > 0 ? ` · ${cell.flags.map((flag) => flag.replaceAll("_", " ")).join(", ")}` : null}
      </span>
    </div>
  );
}
