import { useVirtualizer } from "@tanstack/react-virtual";
import { memo, useCallback, useEffect, useLayoutEffect, useMemo, useRef, useState, type DragEvent, type MouseEvent, type ReactNode, type RefObject } from "react";
import type { Field } from "../api/shapes";
import { useTypes } from "../context";
import { Loading } from "../parts/basics";
import { focusHome } from "../parts/focus";
import { t } from "../strings";
import { CELLS } from "./Rail";
import { useSheets, useSharpSheets } from "./state/sheets";
import { LOT, SUGGESTED, UNSURE, type ReviewStore, type Section } from "./state/store";
import { Tile } from "./Tile";
import { useStoreVersion } from "./state/useStore";

const GAP = 4;
const PADDING = 16;
const HEADING = 30;

type Lane = { kind: "heading"; type: string; count: number } | { kind: "row"; ids: string[] };

function lanesOf(sections: Section[], columns: number): Lane[] {
  const lanes: Lane[] = [];
  for (const { type, ids } of sections) {
    if (type) lanes.push({ kind: "heading", type, count: ids.length });
    for (let at = 0; at < ids.length; at += columns) lanes.push({ kind: "row", ids: ids.slice(at, at + columns) });
  }
  return lanes;
}

/** The parts of a keyboard event that move the selection. */
type Move = Pick<KeyboardEvent, "key" | "altKey" | "shiftKey" | "ctrlKey" | "metaKey">;

/** Moves the selection as a key says; false if the key is none that moves. */
export type Moves = (event: Move) => boolean;

/** The cells by type: a listbox that renders only its visible part. */
export const Gallery = memo(function Gallery(props: { store: ReviewStore; fields: Map<string, Field>; size: number; moves: RefObject<Moves | null>; onCompare: (type: string) => void; onOpen: () => void }): ReactNode {
  const { store, fields } = props;
  useStoreVersion(store);
  const types = useTypes();
  const box = useRef<HTMLDivElement>(null);
  const width = useWidth(box);
  // As many columns as come closest to the chosen size; the pictures then fill the width.
  const columns = Math.max(1, Math.round((width - PADDING + GAP) / (props.size + GAP)));
  const size = Math.floor((width - PADDING + GAP) / columns) - GAP;
  const lanes = useMemo(() => lanesOf(store.sections, columns), [store.sections, columns]);
  const laneOf = useMemo(() => new Map(lanes.flatMap((lane, index) => (lane.kind === "row" ? lane.ids.map((id) => [id, index] as const) : []))), [lanes]);
  // A new function for new lanes, so that the virtualizer lays them out again.
  const keyOf = useCallback((index: number) => index, [lanes, size]);
  const virtual = useVirtualizer({
    count: lanes.length,
    getItemKey: keyOf,
    getScrollElement: () => box.current,
    estimateSize: (index) => (lanes[index]?.kind === "heading" ? HEADING : size + GAP),
    overscan: 2,
    paddingStart: 6,
    paddingEnd: 12,
    scrollPaddingStart: HEADING,
    scrollPaddingEnd: 8,
  });

  const visible = virtual.getVirtualItems().flatMap(({ index }) => lanes[index]?.kind === "row" ? (lanes[index] as { ids: string[] }).ids : []);
  const shown = visible.map((id) => store.cell(id)?.field_id ?? "");
  const read = useMemo(() => [...fields.values()].filter((field) => field.status === "read" && (field.cells ?? 0) > 0).map((field) => field.id), [fields]);
  const sheets = useSheets(store.analysis.id, read, shown);
  const sharp = useSharpSheets(store.analysis.id, size, shown);

  const { selection } = store;
  const focusLane = selection.focus === null ? undefined : laneOf.get(selection.focus);
  useEffect(() => {
    const place = focusLane === undefined ? undefined : virtual.measurementsCache[focusLane];
    const top = virtual.scrollOffset ?? 0;
    const bottom = top + (virtual.scrollRect?.height ?? 0);
    // Requesting a scroll causes a layout of the page even if nothing moves.
    if (place && (place.start < top || place.end > bottom)) virtual.scrollToIndex(place.index, { align: "auto" });
  }, [selection.focus, focusLane, virtual]);

  const vertical = (by: number): number => {
    const from = focusLane ?? 0;
    const here = lanes[from];
    const column = here?.kind === "row" ? here.ids.indexOf(selection.focus ?? "") : 0;
    for (let at = from + by; at >= 0 && at < lanes.length; at += by) {
      const lane = lanes[at];
      if (lane?.kind === "row") return selection.index(lane.ids[Math.min(column, lane.ids.length - 1)] ?? null);
    }
    return selection.index(selection.focus);
  };
  const page = (by: number): number => {
    const rows = Math.max(1, Math.floor((box.current?.clientHeight ?? 0) / (size + GAP)) - 1);
    return selection.index(selection.focus) + by * rows * columns;
  };
  const move: Moves = (event) => {
    const at = selection.index(selection.focus);
    const moves: Record<string, () => number> = {
      ArrowRight: () => at + 1,
      ArrowLeft: () => at - 1,
      ArrowDown: () => vertical(1),
      ArrowUp: () => vertical(-1),
      Home: () => 0,
      End: () => selection.order.length - 1,
      PageDown: () => page(1),
      PageUp: () => page(-1),
    };
    const to = moves[event.key];
    if (to && !event.altKey) selection.move(to(), event.shiftKey ? "extend" : event.ctrlKey || event.metaKey ? "focus" : "only");
    else if (event.key === " " && selection.focus !== null) selection.toggle(selection.focus);
    else return false;
    store.changed();
    return true;
  };
  props.moves.current = move;
  const click = (event: MouseEvent): void => {
    const id = idAt(event.target);
    if (id === null) return;
    if (event.shiftKey) selection.extend(id);
    else if (event.ctrlKey || event.metaKey) selection.toggle(id);
    else selection.only(id);
    store.changed();
  };
  const drag = (event: DragEvent): void => {
    const id = idAt(event.target);
    if (id === null || !store.canEdit) return event.preventDefault();
    if (!selection.chosen.has(id)) {
      selection.only(id);
      store.changed();
    }
    event.dataTransfer.setData(CELLS, String(selection.chosen.size));
    event.dataTransfer.effectAllowed = "move";
  };
  const place = (field: string, number: number): string => t.inspector.place(fields.get(field)?.name ?? "", number);
  const why = store.bin === UNSURE ? t.rail.unsureWhy : store.bin === LOT ? t.rail.lotWhy : null;
  return (
    <div className="gallery-pane">
      {why ? <p className="explanation small soft">{why}</p> : null}
    <div
      ref={box}
      className="gallery"
      data-home=""
      role="listbox"
      aria-label={t.patient.tabs.review}
      aria-multiselectable="true"
      aria-activedescendant={selection.focus === null ? undefined : `cell-${selection.focus}`}
      aria-busy={store.loading}
      tabIndex={0}
      data-testid="gallery"
      onKeyDown={(event) => {
        if (!move(event)) return;
        event.preventDefault();
        event.stopPropagation();
      }}
      onClick={click}
      onDoubleClick={(event) => idAt(event.target) !== null && props.onOpen()}
      onDragStart={drag}
    >
      {store.loading && selection.order.length === 0 ? (
        // A listbox may contain options only; that it is busy is said of it.
        <div aria-hidden="true">
          <Loading />
        </div>
      ) : selection.order.length === 0 ? <p className="empty">{[SUGGESTED, UNSURE, LOT].includes(store.bin) ? t.differential.allSuggested : t.gallery.empty}</p> : null}
      <div style={{ height: virtual.getTotalSize(), position: "relative" }} role="presentation">
        {virtual.getVirtualItems().map(({ index, start }) => {
          const lane = lanes[index];
          if (!lane) return null;
          if (lane.kind === "heading") {
            const type = types.get(lane.type);
            return (
              // A listbox may contain options only. Screen readers find types and counts in the rail, and examples beside the cell.
              <div key={`heading ${lane.type}`} className="lane heading" aria-hidden="true" style={{ transform: `translateY(${start}px)`, height: HEADING }}>
                <span className="swatch" style={{ background: type?.colour }} />
                <span>{type?.name ?? lane.type}</span>
                <span className="soft">{lane.count}</span>
                <button type="button" className="button quiet compact" tabIndex={-1} title={t.rail.reference(type?.name ?? "")} onClick={() => (props.onCompare(lane.type), focusHome())}>
                  {t.compare.open}
                </button>
              </div>
            );
          }
          // Each picture is keyed by its cell: when one leaves, the others move and none is created again.
          return lane.ids.map((id, column) => {
            const cell = store.cell(id);
            if (!cell) return null;
            return (
              <Tile
                key={id}
                cell={cell}
                type={types.get(cell.type ?? "unclassified")}
                size={size}
                left={PADDING / 2 + column * (size + GAP)}
                top={start}
                chosen={selection.chosen.has(id)}
                focused={selection.focus === id}
                position={selection.index(id) + 1}
                setSize={selection.order.length}
                place={place(cell.field_id, cell.number)}
                sheet={sharp.get(cell.field_id) ?? sheets.get(cell.field_id)}
              />
            );
          });
        })}
      </div>
    </div>
    </div>
  );
});

function idAt(target: EventTarget): string | null {
  return target instanceof Element ? (target.closest<HTMLElement>("[data-id]")?.dataset["id"] ?? null) : null;
}

function useWidth(box: { current: HTMLElement | null }): number {
  const [width, setWidth] = useState(600);
  useLayoutEffect(() => {
    const element = box.current;
    if (!element) return undefined;
    setWidth(element.clientWidth);
    const watch = new ResizeObserver(() => setWidth(element.clientWidth));
    watch.observe(element);
    return () => watch.disconnect();
  }, [box]);
  return width;
}
