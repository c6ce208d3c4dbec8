import OpenSeadragon from "openseadragon";
import { memo, useEffect, useImperativeHandle, useLayoutEffect, useMemo, useRef, useState, type KeyboardEvent, type ReactNode, type RefObject } from "react";
import { messageOf } from "../api/client";
import type { Box, Cell, Field } from "../api/shapes";
import { useKnown, useTypes } from "../context";
import { useSettled } from "../hooks";
import { focusHome } from "../parts/focus";
import type { Look } from "../review/look";
import { typeOf } from "../review/state/keys";
import type { ReviewStore } from "../review/state/store";
import { useLateVersion } from "../review/state/useStore";
import { t } from "../strings";
import { cellAt, draw, scaleBar, tidy, usualSide, type Frame } from "./boxes";
import { Hint } from "./Hint";
import { Overview } from "./Overview";
import { above, readingOrder } from "./steps";
import { bringIntoView, useDeepZoom } from "./useDeepZoom";
import { useSketch, type Mode } from "./useSketch";

const REST_MS = 150;
const PAN = 80; // pixels of the view by which Ctrl + arrow key moves it

/** What keys pressed elsewhere do in the field. */
export interface FieldControls {
  step: (by: number) => void;
  whole: () => void;
  add: () => void;
}

/** A field with deep zoom and boxes: a click selects a cell; missed cells can be drawn, boxes corrected, distances measured. */
export const FieldViewer = memo(function FieldViewer(props: {
  store: ReviewStore;
  fields: Field[];
  field: string | null;
  onField: (id: string) => void;
  /** The focused cell is in another field. */
  onFollow: (id: string) => void;
  show: number;
  look: Look;
  controls: RefObject<FieldControls | null>;
  isHome: boolean;
}): ReactNode {
  const { store, fields, look } = props;
  const version = useLateVersion(store);
  const types = useTypes();
  const { taxonomy } = useKnown();
  const host = useRef<HTMLDivElement>(null);
  const stage = useRef<HTMLDivElement>(null);
  const canvas = useRef<HTMLCanvasElement>(null);
  const field = fields.find((one) => one.id === props.field) ?? fields[0] ?? null;
  const [isOverview, setOverview] = useState(false);
  const { viewer, moved, frame, whole } = useDeepZoom(host, field?.dzi ?? null);
  const drawing = useSketch(canvas, frame, field);
  const { mode, sketch } = drawing;
  const [error, setError] = useState<string | null>(null);
  const { selection } = store;
  // The field follows once the focus rests, not with every key in quick succession.
  const rested = useSettled(selection.focus, REST_MS);
  const focus = store.cell(rested);
  const cells = useMemo(() => (field ? store.cellsOf(field.id) : []), [store, field, version]);
  const at = field ? fields.indexOf(field) : -1;
  const step = (by: number): void => {
    const next = fields[(at + by + fields.length) % fields.length];
    if (next) props.onField(next.id);
  };

  useLayoutEffect(() => {
    const place = frame();
    if (!canvas.current || !place || !viewer) return;
    const hidden = mode === "edit" ? cells.filter((cell) => cell.id !== selection.focus) : cells;
    draw(canvas.current, viewer.viewport.getContainerSize(), look.boxes ? hidden : [], place, { types, focus: selection.focus, chosen: selection.chosen, labels: look.labels }, sketch, mode === "measure");
  }, [version, moved, look, sketch, mode, cells, types, selection, frame]);

  // Follow the focused cell into its field and into view.
  useEffect(() => {
    if (focus && focus.field_id !== field?.id && fields.some((one) => one.id === focus.field_id)) props.onFollow(focus.field_id);
  }, [rested]);
  useEffect(() => {
    if (props.show > 0) setOverview(false);
  }, [props.show]);
  useEffect(() => {
    if (!viewer || !focus || focus.field_id !== field?.id) return undefined;
    const follow = (): void => bringIntoView(viewer, focus.box, props.show > 0);
    if (viewer.isOpen()) follow();
    else viewer.addOnceHandler("open", follow);
    return () => viewer.removeHandler("open", follow);
  }, [viewer, rested, field?.id, props.show]);

  useEffect(() => {
    if (!viewer) return undefined;
    const click = (event: OpenSeadragon.CanvasClickEvent): void => {
      const place = frame();
      if (!event.quick || !place) return;
      const cell = cellAt(store.cellsOf(field?.id ?? ""), (event.position.x - place.x) / place.scale, (event.position.y - place.y) / place.scale);
      const original = event.originalEvent as MouseEvent;
      stage.current?.focus();
      if (!cell) return;
      if (original.ctrlKey || original.metaKey) {
        if (!selection.order.includes(cell.id)) store.reveal(cell.id);
        else selection.toggle(cell.id);
        store.changed();
      } else store.reveal(cell.id);
    };
    viewer.addHandler("canvas-click", click);
    return () => viewer.removeHandler("canvas-click", click);
  }, [viewer, store, field?.id]);

  const start = (how: Mode, isByKeys: boolean): void => {
    setError(null);
    setOverview(false);
    const box = isByKeys && field ? centredBox(viewer, frame(), usualSide(cells, field.width / 12), field) : null;
    const own = store.cell(selection.focus);
    if (how === "edit") drawing.start(how, own?.field_id === field?.id ? (own?.box ?? null) : null);
    else drawing.start(how, how === "measure" && box ? [box[0], (box[1] + box[3]) / 2, box[2], (box[1] + box[3]) / 2] : box);
    stage.current?.focus();
  };
  const stop = (): void => {
    drawing.stop();
    focusHome();
  };
  const toggle = (how: Mode) => (event: { detail: number }): void => (mode === how ? stop() : start(how, event.detail === 0));
  useImperativeHandle(props.controls, () => ({ step, whole, add: () => store.canAdd && start("add", true) }));

  /** Store what was drawn: as a new cell, or as the box of the focused one. */
  const save = async (put: (box: Box, field: Field) => Promise<Cell>): Promise<void> => {
    if (!sketch || !field || !store.canAdd) return;
    try {
      const cell = await put(tidy(sketch, field.width, field.height), field);
      store.reveal(cell.id);
      stop();
    } catch (problem) {
      setError(messageOf(problem));
    }
  };
  const add = (type: string): void => void save((box, on) => store.add(on.id, box, type));
  const redraw = (): void => void save((box) => store.redraw(selection.focus ?? "", box));

  const drawingKey = (event: KeyboardEvent): boolean => {
    if (event.key === "Escape") return stop(), true;
    const type = mode === "add" ? typeOf(event, taxonomy) : null;
    if (sketch && type) return add(type), true;
    if (sketch && event.key === "Enter" && mode === "add") return add("unclassified"), true;
    if (sketch && event.key === "Enter" && mode === "edit") return redraw(), true;
    return drawing.arrow(event);
  };
  const stepCell = (key: string): void => {
    const own = store.cell(selection.focus);
    const here = own?.field_id === field?.id ? own : undefined;
    const order = readingOrder(cells);
    const by = key === "ArrowLeft" || key === "ArrowUp" ? -1 : 1;
    let next = here && key !== "ArrowLeft" && key !== "ArrowRight" ? above(order, here, by) : order[here ? order.indexOf(here) + by : 0];
    if (!next && here && (key === "ArrowLeft" || key === "ArrowRight")) {
      const beside = fields[(at + by + fields.length) % fields.length];
      next = beside ? readingOrder(store.cellsOf(beside.id)).at(by > 0 ? 0 : -1) : undefined;
    }
    if (next) store.reveal(next.id);
  };
  const keyDown = (event: KeyboardEvent): void => {
    if (event.target !== stage.current) return;
    if (mode !== "look") {
      if (!drawingKey(event)) return;
    } else if (event.altKey || (event.shiftKey && /^(Arrow|Page|Home|End)/.test(event.key)) || !viewer || !lookingKey(event)) return; // + takes Shift on some keyboards
    event.preventDefault();
    event.stopPropagation();
  };
  const lookingKey = (event: KeyboardEvent): boolean => {
    const { viewport } = viewer as OpenSeadragon.Viewer;
    const pan = (x: number, y: number): unknown => viewport.panBy(viewport.deltaPointsFromPixels(new OpenSeadragon.Point(x, y)));
    const height = viewport.getContainerSize().y;
    const isArrow = event.key.startsWith("Arrow");
    if (isArrow && !event.ctrlKey && !event.metaKey) return stepCell(event.key), true;
    const does: Record<string, () => unknown> = isArrow
      ? { ArrowLeft: () => pan(-PAN, 0), ArrowRight: () => pan(PAN, 0), ArrowUp: () => pan(0, -PAN), ArrowDown: () => pan(0, PAN) }
      : {
          "+": () => viewport.zoomBy(1.4),
          "=": () => viewport.zoomBy(1.4),
          "-": () => viewport.zoomBy(1 / 1.4),
          PageDown: () => pan(0, 0.8 * height),
          PageUp: () => pan(0, -0.8 * height),
        };
    const action = does[event.key];
    if (!action || (!isArrow && (event.ctrlKey || event.metaKey))) return false;
    action();
    return true;
  };

  if (!field) return <div className="viewer empty">{t.viewer.noFields}</div>;
  const place = frame();
  const bar = field.mpp && place ? scaleBar(field.mpp / place.scale) : null;
  return (
    <div className={`viewer${mode === "look" ? "" : " adding"}`}>
      <div className="toolbar">
        <button type="button" className="button quiet compact" aria-label={t.viewer.previous} title={`${t.viewer.previous} (<)`} onClick={() => (step(-1), focusHome())}>
          ‹
        </button>
        <select className="input compact field-choice" aria-label={t.viewer.label} value={field.id} onChange={(event) => props.onField(event.target.value)}>
          {fields.map((one, index) => (
            <option key={one.id} value={one.id}>
              {t.viewer.field(one.name, index + 1, fields.length)}
            </option>
          ))}
        </select>
        <button type="button" className="button quiet compact" aria-label={t.viewer.next} title={`${t.viewer.next} (>)`} onClick={() => (step(1), focusHome())}>
          ›
        </button>
        <button type="button" className="button quiet compact" aria-pressed={isOverview} onClick={() => setOverview(!isOverview)}>
          {t.viewer.overview}
        </button>
        <span className="spacer" />
        <button type="button" className="button quiet compact" aria-pressed={mode === "measure"} onClick={toggle("measure")}>
          {t.viewer.measure}
        </button>
        <button type="button" className="button quiet compact" disabled={!store.canAdd || focus?.field_id !== field.id} aria-pressed={mode === "edit"} title={t.viewer.editWhy} onClick={toggle("edit")}>
          {t.viewer.edit}
        </button>
        <button type="button" className="button compact" disabled={!store.canAdd} aria-pressed={mode === "add"} onClick={toggle("add")}>
          {t.viewer.add}
        </button>
      </div>
      <div ref={stage} className="stage" tabIndex={0} role="application" aria-label={`${t.viewer.label}: ${field.name}`} data-testid="field" {...(props.isHome ? { "data-home": "" } : {})} onKeyDown={keyDown}>
        <div ref={host} className="openseadragon" />
        <canvas ref={canvas} className="boxes" aria-hidden="true" {...(mode === "look" ? {} : { ...drawing.pointer, onPointerUp: () => (drawing.pointer.onPointerUp(), stage.current?.focus()), style: { pointerEvents: "auto" } })} />
        <div className="scale-bar">
          {bar ? (
            <>
              {bar.um} µm
              <div style={{ width: bar.pixels }} />
            </>
          ) : (
            t.viewer.unknownScale
          )}
        </div>
        {focus?.field_id === field.id && field.mpp ? <div className="readout">{t.viewer.readout(types.get(focus.type)?.name ?? focus.type, (focus.box[2] - focus.box[0]) * field.mpp, (focus.box[3] - focus.box[1]) * field.mpp)}</div> : null}
        {mode === "look" ? null : <Hint drawing={drawing} field={field} error={error} onKey={drawingKey} onName={add} onSave={redraw} />}
        {isOverview ? (
          <Overview
            store={store}
            fields={fields}
            current={field.id}
            onOpen={(id) => {
              props.onField(id);
              setOverview(false);
              focusHome();
            }}
          />
        ) : null}
      </div>
    </div>
  );
});

function centredBox(viewer: OpenSeadragon.Viewer | null, place: Frame | null, side: number, field: Field): Box {
  const area = viewer?.element.getBoundingClientRect();
  const x = area && place ? (area.width / 2 - place.x) / place.scale : field.width / 2;
  const y = area && place ? (area.height / 2 - place.y) / place.scale : field.height / 2;
  return [x - side / 2, y - side / 2, x + side / 2, y + side / 2];
}
