import { useCallback, useMemo, useRef, useState, type KeyboardEvent, type ReactNode } from "react";
import type { Field } from "../api/shapes";
import { useKnown, useTypes } from "../context";
import { keep, kept } from "../display";
import { Segments } from "../parts/basics";
import { t } from "../strings";
import { FieldViewer } from "../viewer/FieldViewer";
import { ConflictDialog } from "./ConflictDialog";
import { DifferentialPanel, Headline } from "./DifferentialPanel";
import { Gallery } from "./Gallery";
import { HelpDialog } from "./HelpDialog";
import { Inspector } from "./Inspector";
import { commandOf, typeOf, typesThere, type Command } from "./state/keys";
import { Rail } from "./Rail";
import { ReferenceDialog } from "./ReferenceDialog";
import { ALL, DELETED, SUGGESTED, type Order, type ReviewStore } from "./state/store";
import { useLoading, useStoreVersion } from "./state/useStore";

const LAYOUTS = ["gallery", "both", "field"] as const;
type Layout = (typeof LAYOUTS)[number];
const SIZES = [56, 68, 84, 96, 120, 160];

/** Gallery, field and differential of one analysis, kept in step. */
export function Workspace({ store, fields }: { store: ReviewStore; fields: Field[] }): ReactNode {
  const loading = useLoading(store);
  const { taxonomy } = useKnown();
  const types = useTypes();
  const [layout, setLayout] = useState<Layout>(() => kept("layout", LAYOUTS, "both"));
  const [size, setSize] = useState(() => Number(kept("tile", SIZES.map(String), "84")));
  const [field, setField] = useState<string | null>(null);
  const [dialog, setDialog] = useState<"help" | "conflict" | null>(null);
  const [reference, setReference] = useState<string | null>(null);
  const [show, setShow] = useState(0);
  const [notice, setNotice] = useState<string | null>(null);
  const commentBox = useRef<HTMLTextAreaElement>(null);
  const byId = useMemo(() => new Map(fields.map((one) => [one.id, one])), [fields]);
  const read = useMemo(() => fields.filter((one) => one.status === "read"), [fields]);
  const { selection } = store;

  const lay = (next: Layout): void => {
    setLayout(next);
    keep("layout", next);
  };
  const resize = (by: number): void => {
    const next = SIZES[Math.min(Math.max(SIZES.indexOf(size) + by, 0), SIZES.length - 1)] ?? size;
    setSize(next);
    keep("tile", String(next));
  };
  const showInField = useCallback((): void => {
    setLayout((now) => (now === "gallery" ? "both" : now));
    const cell = store.cell(store.selection.focus);
    if (cell) setField(cell.field_id);
    setShow((count) => count + 1);
  }, [store]);
  const examples = useCallback((): void => {
    const type = store.cell(store.selection.focus)?.type ?? store.bin;
    if (types.has(type)) setReference(type);
  }, [store, types]);
  const turn = (by: number): void => {
    const bins = [ALL, SUGGESTED, ...taxonomy.types.filter((type) => (store.counts.get(type.id) ?? 0) > 0).map((type) => type.id), DELETED];
    store.show(bins[(bins.indexOf(store.bin) + by + bins.length) % bins.length] ?? ALL);
  };
  const commands: Record<Command, () => void> = {
    undo: () => store.undo(),
    redo: () => store.redo(),
    next: () => {
      const id = store.nextUncertain();
      setNotice(id === null ? t.gallery.noneLeft : null);
      if (id !== null) store.reveal(id);
    },
    confirm: () => store.confirm(selection.chosen),
    strike: () => store.strike(selection.chosen, store.bin !== DELETED),
    takeBack: () => store.takeBack(selection.chosen),
    help: () => setDialog("help"),
    larger: () => resize(1),
    smaller: () => resize(-1),
    previousBin: () => turn(-1),
    nextBin: () => turn(1),
    show: showInField,
    comment: () => commentBox.current?.focus(),
    examples,
    selectAll: () => {
      selection.all();
      store.changed();
    },
  };
  const keyDown = (event: KeyboardEvent): void => {
    if (event.defaultPrevented || typesThere(event.target, event.key)) return;
    const command = commandOf(event);
    const type = typeOf(event, taxonomy);
    if (command) commands[command]();
    else if (type) store.name(selection.chosen, type);
    else return;
    event.preventDefault();
  };

  if (loading === "loading") return <p className="empty">{t.loading}</p>;
  if (loading) {
    return (
      <div className="empty">
        <p className="error">{loading}</p>
        <button type="button" className="button" onClick={() => void store.load()}>
          {t.retry}
        </button>
      </div>
    );
  }
  return (
    <div className="patient" onKeyDown={keyDown}>
      <Saving store={store} onResolve={() => setDialog("conflict")} />
      {notice ? (
        <div className="strip plain" role="status">
          {notice}
        </div>
      ) : null}
      <div className="workspace patient-body">
        <Rail store={store} />
        <div className="centre">
          <Toolbar store={store} layout={layout} onLayout={lay} commands={commands} />
          <div className="panes">
            {layout === "field" ? null : <Gallery store={store} fields={byId} size={size} onReference={setReference} onOpen={showInField} />}
            {layout === "gallery" ? null : <FieldViewer store={store} fields={read} field={field} onField={setField} show={show} />}
          </div>
        </div>
        <aside className="side" aria-label={t.differential.title}>
          <Headline store={store} />
          <Inspector store={store} fields={byId} commentBox={commentBox} onShow={showInField} onExamples={examples} />
          <DifferentialPanel store={store} />
        </aside>
      </div>
      {dialog === "help" ? <HelpDialog onClose={() => setDialog(null)} /> : null}
      {dialog === "conflict" ? <ConflictDialog store={store} onClose={() => setDialog(null)} /> : null}
      {reference ? <ReferenceDialog store={store} type={reference} onClose={() => setReference(null)} /> : null}
    </div>
  );
}

/** Toolbar: layout and order of the cells, undo, redo, next. */
function Toolbar(props: { store: ReviewStore; layout: Layout; onLayout: (layout: Layout) => void; commands: Record<Command, () => void> }): ReactNode {
  const { store, layout, commands } = props;
  useStoreVersion(store);
  const { selection } = store;
  return (
    <div className="toolbar" role="toolbar" aria-label={t.gallery.label}>
      <Segments label={t.gallery.layout} value={layout} options={{ gallery: t.gallery.galleryOnly, both: t.gallery.both, field: t.gallery.fieldOnly }} onChange={props.onLayout} />
      <select className="input compact" aria-label={t.gallery.sort} value={store.order} onChange={(event) => store.sort(event.target.value as Order)}>
        {Object.entries(t.gallery.orders).map(([order, name]) => (
          <option key={order} value={order}>
            {name}
          </option>
        ))}
      </select>
      <span className="spacer" />
      {selection.chosen.size > 1 ? <span className="small soft">{t.gallery.selected(selection.chosen.size)}</span> : null}
      <button type="button" className="button quiet compact" disabled={!store.canUndo} onClick={commands.undo} title="Ctrl+Z">
        {t.gallery.undo}
      </button>
      <button type="button" className="button quiet compact" disabled={!store.canRedo} onClick={commands.redo} title="Ctrl+Shift+Z">
        {t.gallery.redo}
      </button>
      <button type="button" className="button quiet compact" onClick={commands.next}>
        {t.gallery.next} <kbd>n</kbd>
      </button>
      <button type="button" className="button quiet compact" onClick={commands.help} aria-label={t.gallery.help}>
        <kbd>?</kbd>
      </button>
    </div>
  );
}

/** A prominent strip about unsaved changes; nothing if all are saved. */
function Saving({ store, onResolve }: { store: ReviewStore; onResolve: () => void }): ReactNode {
  useStoreVersion(store);
  const { outbox } = store;
  if (outbox.state === "saved" || outbox.state === "saving") return <span className="hidden-text" role="status">{outbox.state === "saved" ? t.saving.saved : t.saving.saving(outbox.size)}</span>;
  return (
    <div className="strip" role="alert">
      {outbox.state === "offline" ? (
        <>
          <span className="grow">{t.saving.offline(outbox.size)}</span>
          <button type="button" className="button compact" onClick={() => outbox.retry()}>
            {t.retry}
          </button>
        </>
      ) : outbox.state === "conflict" ? (
        <>
          <span className="grow">{t.saving.conflict(outbox.conflicts.size)}</span>
          <button type="button" className="button compact primary" onClick={onResolve}>
            {t.saving.resolve}
          </button>
        </>
      ) : (
        <>
          <span className="grow">{t.saving.refused(outbox.size, outbox.message ?? "")}</span>
          <button type="button" className="button compact" onClick={() => outbox.retry()}>
            {t.retry}
          </button>
          <button
            type="button"
            className="button compact danger"
            onClick={() => {
              outbox.drop();
              void store.load();
            }}
          >
            {t.saving.drop}
          </button>
        </>
      )}
    </div>
  );
}
