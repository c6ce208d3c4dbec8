import { useCallback, useEffect, useMemo, useRef, useState, useSyncExternalStore, type ReactNode } from "react";
import type { Field } from "../api/shapes";
import { useKnown } from "../context";
import { keep, kept } from "../display";
import { step, subscribe } from "../firstrun/tour";
import { focusHome, focusHomeAfterButton } from "../parts/focus";
import { go, targetOf, usePath, type Target } from "../route";
import { t } from "../strings";
import { FieldViewer, type FieldControls } from "../viewer/FieldViewer";
import { ConflictDialog } from "./ConflictDialog";
import { DifferentialPanel, Headline } from "./DifferentialPanel";
import { Gallery, type Moves } from "./Gallery";
import { HelpDialog } from "./HelpDialog";
import { Inspector } from "./Inspector";
import { filterOf, useLook } from "./look";
import { LookFilter, LookPanel } from "./LookPanel";
import { Rail } from "./Rail";
import { TestHeadline } from "./TestHeadline";
import { Notice, Saving } from "./Saving";
import { CHANGING, commandOf, typeOf, typesThere, type Command } from "./state/keys";
import { ALL, DELETED, LOT, UNSURE, type ReviewStore } from "./state/store";
import { useLoading } from "./state/useStore";
import { LAYOUTS, Toolbar, type Layout } from "./Toolbar";

const SIZES = [56, 68, 84, 96, 120, 160, 196, 256];
const ROOMY = 1500; // width of a window in pixels that holds gallery and field side by side

/** Gallery, field and differential of one analysis, kept in step. */
export function Workspace({ store, fields }: { store: ReviewStore; fields: Field[] }): ReactNode {
  const loading = useLoading(store);
  const { taxonomy } = useKnown();
  const [layout, setLayout] = useState<Layout>(() => kept("layout", LAYOUTS, innerWidth < ROOMY ? "gallery" : "both"));
  const [size, setSize] = useState(() => Number(kept("tile", SIZES.map(String), "196")));
  const [look, setLook] = useLook();
  const [isLookOpen, setLookOpen] = useState(false);
  const [field, setField] = useState<string | null>(null);
  const [dialog, setDialog] = useState<"help" | "conflict" | null>(null);
  const [compared, setCompared] = useState<string | null>(null);
  const [comparing, setComparing] = useState(() => kept("compare", ["on", "off"], "on") === "on");
  const [show, setShow] = useState(0);
  const [notice, setNotice] = useState<string | null>(null);
  const commentBox = useRef<HTMLTextAreaElement>(null);
  const moves = useRef<Moves>(null);
  const controls = useRef<FieldControls>(null);
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
  const layField = useCallback((): void => {
    setLayout((now) => {
      if (now !== "gallery") return now;
      keep("layout", "both");
      return "both";
    });
  }, []);
  const showInField = useCallback((): void => {
    layField();
    const cell = store.cell(store.selection.focus);
    if (cell) setField(cell.field_id);
    setShow((count) => count + 1);
  }, [store, layField]);
  const held = useTarget(loading === "", ({ cell, field: asked }) => {
    if (cell && store.cell(cell)) {
      store.reveal(cell);
      showInField();
    } else if (asked && byId.has(asked)) {
      layField();
      setField(asked);
    }
  });
  const compare = useCallback((type: string | null): void => {
    setCompared(type);
    setComparing(true);
  }, []);
  const turn = (by: number): void => {
    const bins = [ALL, UNSURE, LOT, ...taxonomy.types.filter((type) => (store.counts.get(type.id) ?? 0) > 0).map((type) => type.id), DELETED];
    store.show(bins[(bins.indexOf(store.bin) + by + bins.length) % bins.length] ?? ALL);
  };
  const next = (id: string | null, none: string): void => {
    setNotice(id === null ? none : null);
    if (id !== null) store.reveal(id);
  };
  /** Do something in the field, which is shown first if it is not. */
  const inField = (action: (field: FieldControls) => void): void => {
    if (controls.current) action(controls.current);
    else lay("both");
  };
  const commands: Record<Command, () => void> = {
    undo: () => store.undo(),
    redo: () => store.redo(),
    unsure: () => next(store.nextUncertain(), t.gallery.noneLeft),
    lot: () => void store.nextOfLot().then((id) => next(id, t.gallery.lotDone)),
    confirm: () => store.confirm(selection.chosen),
    strike: () => store.strike(selection.chosen, store.bin !== DELETED),
    takeBack: () => store.takeBack(selection.chosen),
    help: () => setDialog("help"),
    larger: () => resize(1),
    smaller: () => resize(-1),
    previousBin: () => turn(-1),
    nextBin: () => turn(1),
    previousField: () => inField((shown) => shown.step(-1)),
    nextField: () => inField((shown) => shown.step(1)),
    whole: () => inField((shown) => shown.whole()),
    add: () => inField((shown) => shown.add()),
    show: showInField,
    comment: () => commentBox.current?.focus(),
    compare: () => {
      keep("compare", comparing ? "off" : "on");
      setComparing(!comparing);
      setCompared(null);
    },
    selectAll: () => {
      selection.all();
      store.changed();
    },
    home: () => {
      setLookOpen(false);
      focusHome();
    },
  };
  const room = useKeys((event) => {
    const command = commandOf(event);
    const type = typeOf(event, taxonomy);
    if (store.isSigned && (type || (command && CHANGING.has(command)))) setNotice(t.gallery.signed);
    else if (command) commands[command]();
    else if (type) store.name(selection.chosen, type);
    else return moves.current?.(event) ?? false;
    return true;
  });
  useEffect(() => void focusHome(), [layout]);
  useAllAtTourStart(store, loading === "");
  useEffect(() => setNotice(null), [store]); // what was said of one store does not hold for the next

  if (loading && loading !== "loading") {
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
    <div className="patient" ref={room} style={{ "--look": filterOf(look.tones) } as object} onKeyDownCapture={() => (held.current = false)} onPointerDownCapture={() => (held.current = false)}>
      <Saving store={store} onResolve={() => setDialog("conflict")} />
      <Notice store={store} text={notice} />
      <LookFilter tones={look.tones} />
      <div className="workspace patient-body">
        <Rail store={store} />
        <div className="centre">
          <Toolbar store={store} layout={layout} onLayout={lay} commands={commands} isLookOpen={isLookOpen} onLook={() => setLookOpen(!isLookOpen)} />
          {isLookOpen ? <LookPanel look={look} onChange={setLook} /> : null}
          <div className="panes">
            {layout === "field" ? null : <Gallery store={store} fields={byId} size={size} moves={moves} onCompare={compare} onOpen={showInField} />}
            {layout === "gallery" ? null : <FieldViewer store={store} fields={read} field={field} onField={setField} onFollow={(id) => held.current || setField(id)} show={show} look={look} controls={controls} isHome={layout === "field"} />}
          </div>
        </div>
        <aside className="side" aria-label={t.differential.title} onClick={focusHomeAfterButton}>
          {store.isTest ? <TestHeadline store={store} /> : <Headline store={store} />}
          <Inspector store={store} fields={byId} commentBox={commentBox} onShow={showInField} compared={comparing ? compared : undefined} onCompare={commands.compare} />
          <DifferentialPanel store={store} />
        </aside>
      </div>
      {dialog === "help" ? <HelpDialog onClose={() => setDialog(null)} /> : null}
      {dialog === "conflict" ? <ConflictDialog store={store} onClose={() => setDialog(null)} /> : null}
    </div>
  );
}

/** Open what the address asks for, once; returns whether that is still to be shown, until the user does something else. */
function useTarget(isReady: boolean, open: (target: Target) => void): React.RefObject<boolean> {
  const path = usePath();
  const held = useRef(false);
  useEffect(() => {
    const target = targetOf(path);
    if (!isReady || !target) return;
    held.current = true;
    open(target);
    go(path.split("?")[0] ?? "/", true);
  }, [path, isReady]);
  return held;
}

/** The tour begins on all cells, as its first step says, whatever was shown before. */
function useAllAtTourStart(store: ReviewStore, isReady: boolean): void {
  const isStart = useSyncExternalStore(subscribe, step) === 0;
  useEffect(() => {
    if (isStart && isReady && store.bin !== ALL) store.show(ALL);
  }, [store, isStart, isReady]);
}

/** Handle keys pressed in an element, or anywhere when nothing has the focus: then it goes back to the page's home. */
function useKeys(handle: (event: KeyboardEvent) => boolean): React.RefObject<HTMLDivElement | null> {
  const room = useRef<HTMLDivElement>(null);
  const latest = useRef(handle);
  latest.current = handle;
  useEffect(() => {
    const keyDown = (event: KeyboardEvent): void => {
      const { target } = event;
      const isLost = target === document.body || target === document.documentElement;
      if (event.defaultPrevented || document.querySelector("dialog[open]")) return;
      if (!isLost && !(target instanceof Node && room.current?.contains(target))) return;
      if (typesThere(target, event.key) || !latest.current(event)) return;
      event.preventDefault();
      if (document.activeElement === document.body) focusHome();
    };
    addEventListener("keydown", keyDown);
    return () => removeEventListener("keydown", keyDown);
  }, []);
  return room;
}
