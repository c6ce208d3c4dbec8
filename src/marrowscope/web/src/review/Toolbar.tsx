import type { ReactNode } from "react";
import { Segments } from "../parts/basics";
import { focusHomeAfterButton } from "../parts/focus";
import { t } from "../strings";
import type { Command } from "./state/keys";
import type { Order, ReviewStore } from "./state/store";
import { useStoreVersion } from "./state/useStore";

export const LAYOUTS = ["gallery", "both", "field"] as const;
export type Layout = (typeof LAYOUTS)[number];

/** Layout and order of the cells, look of the pictures, undo, redo, next. */
export function Toolbar(props: {
  store: ReviewStore;
  layout: Layout;
  onLayout: (layout: Layout) => void;
  commands: Record<Command, () => void>;
  isLookOpen: boolean;
  onLook: () => void;
}): ReactNode {
  const { store, layout, commands } = props;
  useStoreVersion(store);
  const { selection } = store;
  return (
    <div className="toolbar" role="toolbar" aria-label={t.patient.tabs.review} onClick={focusHomeAfterButton}>
      <Segments label={t.gallery.layout} value={layout} options={{ gallery: t.gallery.galleryOnly, both: t.gallery.both, field: t.gallery.fieldOnly }} onChange={props.onLayout} />
      {store.isTest ? null : (
        <select className="input compact" aria-label={t.gallery.sort} value={store.order} onChange={(event) => store.sort(event.target.value as Order)}>
          {Object.entries(t.gallery.orders).map(([order, name]) => (
            <option key={order} value={order}>
              {name}
            </option>
          ))}
        </select>
      )}
      <button type="button" className="button quiet compact" aria-expanded={props.isLookOpen} onClick={props.onLook}>
        {t.look.open} <span aria-hidden="true">▾</span>
      </button>
      <span className="spacer" />
      {selection.chosen.size > 1 ? <span className="small soft">{t.gallery.selected(selection.chosen.size)}</span> : null}
      <button type="button" className="button quiet compact" disabled={!store.canUndo} onClick={commands.undo} title={`${t.help.caps.Ctrl}+Z`}>
        {t.gallery.undo}
      </button>
      <button type="button" className="button quiet compact" disabled={!store.canRedo} onClick={commands.redo} title={`${t.help.caps.Ctrl}+${t.help.caps.Shift}+Z`}>
        {t.gallery.redo}
      </button>
      <button type="button" className="button quiet compact" title={store.isTest ? undefined : t.rail.unsureWhy} onClick={commands.unsure}>
        {store.isTest ? t.proficiency.next : t.gallery.next} <kbd>n</kbd>
      </button>
      <button type="button" className="button quiet compact" onClick={commands.help} aria-label={t.help.title}>
        <kbd>?</kbd>
      </button>
    </div>
  );
}
