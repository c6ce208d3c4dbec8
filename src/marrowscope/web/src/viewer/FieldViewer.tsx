import OpenSeadragon from "openseadragon";
import { memo, useEffect, useLayoutEffect, useMemo, useRef, useState, type KeyboardEvent, type PointerEvent, type ReactNode } from "react";
import { messageOf } from "../api/client";
import type { Box, Field } from "../api/shapes";
import { useKnown, useTypes } from "../context";
import { useSettled } from "../hooks";
import { t } from "../strings";
import type { ReviewStore } from "../review/state/store";
import { typeOf } from "../review/state/keys";
import { useLateVersion } from "../review/state/useStore";
import { cellAt, draw, scaleBar, tidy, usualSide, type Frame } from "./boxes";
import { bringIntoView, useDeepZoom } from "./useDeepZoom";

const REST_MS = 150;
const SMALLEST = 8; // pixels of the image a drawn box must measure

/** A field with deep zoom and boxes: a click selects a cell, and missed cells can be drawn. */
export const FieldViewer = memo(function FieldViewer(props: { store: ReviewStore; fields: Field[]; field: string | null; onField: (id: string) => void; show: number }): ReactNode {
  const { store, fields } = props;
  const version = useLateVersion(store);
  const types = useTypes();
  const { taxonomy } = useKnown();
  const host = useRef<HTMLDivElement>(null);
  const canvas = useRef<HTMLCanvasElement>(null);
  const field = fields.find((one) => one.id === props.field) ?? fields[0] ?? null;
  const { viewer, moved, frame } = useDeepZoom(host, field?.dzi ?? null);
  const [boxes, setBoxes] = useState(true);
  const [labels, setLabels] = useState(true);
  const [light, setLight] = useState<{ open: boolean; brightness: number; contrast: number }>({ open: false, brightness: 100, contrast: 100 });
  const [adding, setAdding] = useState<"no" | "draw" | "keys">("no");
  const [sketch, setSketch] = useState<Box | null>(null);
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
    if (canvas.current && place && viewer) draw(canvas.current, viewer.viewport.getContainerSize(), boxes ? cells : [], place, { types, focus: selection.focus, chosen: selection.chosen, labels }, sketch);
  }, [version, moved, boxes, labels, sketch, cells, types, selection, frame]);

  useEffect(() => {
    const surface = viewer?.drawer?.canvas as HTMLElement | undefined;
    if (surface) surface.style.filter = `brightness(${light.brightness}%) contrast(${light.contrast}%)`;
  }, [viewer, light, moved > 0]);

  // Follow the focused cell into its field and into view.
  useEffect(() => {
    if (focus && focus.field_id !== field?.id && fields.some((one) => one.id === focus.field_id)) props.onField(focus.field_id);
  }, [rested]);
  useEffect(() => {
    if (!viewer || !focus || focus.field_id !== field?.id) return undefined;
    const follow = (): void => bringIntoView(viewer, focus.box, props.show > 0);
    if (viewer.isOpen()) follow();
    else viewer.addOnceHandler("open", follow);
    return undefined;
  }, [viewer, rested, field?.id, props.show]);

  useEffect(() => {
    if (!viewer) return undefined;
    const click = (event: OpenSeadragon.CanvasClickEvent): void => {
      const place = frame();
      if (!event.quick || !place) return;
      const cell = cellAt(store.cellsOf(field?.id ?? ""), (event.position.x - place.x) / place.scale, (event.position.y - place.y) / place.scale);
      const original = event.originalEvent as MouseEvent;
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

  const start = (how: "draw" | "keys"): void => {
    setAdding(how);
    setLight((now) => ({ ...now, open: false }));
    setError(null);
    setSketch(how === "keys" && field ? centredBox(viewer, frame(), usualSide(cells, field.width / 12), field) : null);
    host.current?.parentElement?.focus();
  };
  const stop = (): void => {
    setAdding("no");
    setSketch(null);
  };
  const add = async (type: string): Promise<void> => {
    if (!sketch || !field) return;
    try {
      const cell = await store.add(field.id, tidy(sketch, field.width, field.height), type);
      store.reveal(cell.id);
      stop();
    } catch (problem) {
      setError(messageOf(problem));
    }
  };

  const keyDown = (event: KeyboardEvent): void => {
    if (adding !== "no") {
      if (addingKey(event)) {
        event.preventDefault();
        event.stopPropagation();
      }
      return;
    }
    if (event.ctrlKey || event.metaKey || event.altKey || !viewer) return;
    const pan = (x: number, y: number): unknown => viewer.viewport.panBy(viewer.viewport.deltaPointsFromPixels(new OpenSeadragon.Point(x, y)));
    const does: Record<string, () => unknown> = {
      ArrowLeft: () => pan(-80, 0),
      ArrowRight: () => pan(80, 0),
      ArrowUp: () => pan(0, -80),
      ArrowDown: () => pan(0, 80),
      "+": () => viewer.viewport.zoomBy(1.4),
      "=": () => viewer.viewport.zoomBy(1.4),
      "-": () => viewer.viewport.zoomBy(1 / 1.4),
      "0": () => viewer.viewport.goHome(),
      PageDown: () => step(1),
      PageUp: () => step(-1),
      Insert: () => store.canAdd && start("keys"),
    };
    const action = does[event.key];
    if (!action) return;
    action();
    event.preventDefault();
    event.stopPropagation();
  };
  const addingKey = (event: KeyboardEvent): boolean => {
    if (event.key === "Escape") return stop(), true;
    const type = typeOf(event, taxonomy);
    if (sketch && type) return void add(type), true;
    if (sketch && event.key === "Enter") return void add("unclassified"), true;
    const direction = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
    if (!sketch || !direction) return false;
    const by = 6 / (frame()?.scale ?? 1);
    const [x = 0, y = 0] = direction;
    const [x0, y0, x1, y1] = sketch;
    setSketch(event.shiftKey ? [x0, y0, Math.max(x1 + x * by, x0 + SMALLEST), Math.max(y1 + y * by, y0 + SMALLEST)] : [x0 + x * by, y0 + y * by, x1 + x * by, y1 + y * by]);
    return true;
  };

  const origin = useRef<[number, number] | null>(null);
  const inImage = (event: PointerEvent): [number, number] | null => {
    const place = frame();
    const area = canvas.current?.getBoundingClientRect();
    return place && area ? [(event.clientX - area.left - place.x) / place.scale, (event.clientY - area.top - place.y) / place.scale] : null;
  };
  const pointer = {
    onPointerDown: (event: PointerEvent) => {
      origin.current = inImage(event);
      event.currentTarget.setPointerCapture(event.pointerId);
      setSketch(null);
    },
    onPointerMove: (event: PointerEvent) => {
      const here = inImage(event);
      if (origin.current && here) setSketch([...origin.current, ...here]);
    },
    onPointerUp: () => {
      origin.current = null;
      setSketch((box) => {
        const tidied = box && field ? tidy(box, field.width, field.height) : null;
        return tidied && tidied[2] - tidied[0] >= SMALLEST && tidied[3] - tidied[1] >= SMALLEST ? tidied : null;
      });
      host.current?.parentElement?.focus();
    },
  };

  if (!field) return <div className="viewer empty">{t.viewer.noFields}</div>;
  const place = frame();
  const bar = field.mpp && place ? scaleBar(field.mpp / place.scale) : null;
  return (
    <div className={`viewer${adding === "no" ? "" : " adding"}`}>
      <div className="toolbar">
        <button type="button" className="button quiet compact" aria-label={t.viewer.previous} title={t.viewer.previous} onClick={() => step(-1)}>
          ‹
        </button>
        <select className="input compact field-choice" aria-label={t.viewer.label} value={field.id} onChange={(event) => props.onField(event.target.value)}>
          {fields.map((one, index) => (
            <option key={one.id} value={one.id}>
              {t.viewer.field(one.name, index + 1, fields.length)}
            </option>
          ))}
        </select>
        <button type="button" className="button quiet compact" aria-label={t.viewer.next} title={t.viewer.next} onClick={() => step(1)}>
          ›
        </button>
        <span className="spacer" />
        <button type="button" className="button quiet compact" aria-expanded={light.open} onClick={() => setLight({ ...light, open: !light.open })}>
          {t.viewer.view} <span aria-hidden="true">▾</span>
        </button>
        <button type="button" className="button compact" disabled={!store.canAdd} aria-pressed={adding !== "no"} onClick={() => (adding === "no" ? start("draw") : stop())}>
          {t.viewer.add}
        </button>
      </div>
      <div className="stage" tabIndex={0} role="application" aria-label={`${t.viewer.label}: ${field.name}`} data-testid="field" onKeyDown={keyDown}>
        <div ref={host} className="openseadragon" />
        <canvas ref={canvas} className="boxes" aria-hidden="true" {...(adding === "no" ? {} : { ...pointer, style: { pointerEvents: "auto" } })} />
        {bar ? (
          <div className="scale-bar">
            {bar.um} µm
            <div style={{ width: bar.pixels }} />
          </div>
        ) : (
          <div className="scale-bar">{t.viewer.unknownScale}</div>
        )}
        {adding === "no" ? null : (
          <div className="hint row" role="status">
            {sketch ? (
              <>
                <span>{t.viewer.name}</span>
                <select className="input compact" autoFocus={adding === "draw"} aria-label={t.viewer.name} value="" onKeyDown={(event) => addingKey(event) && event.preventDefault()} onChange={(event) => void add(event.target.value)}>
                  <option value="" disabled />
                  {taxonomy.types.map((type) => (
                    <option key={type.id} value={type.id}>
                      {type.name} ({type.key})
                    </option>
                  ))}
                </select>
              </>
            ) : (
              <span>{t.viewer.adding}</span>
            )}
            {adding === "keys" ? <span className="small">{t.viewer.addingKeys}</span> : null}
            {error ? <span className="error">{error}</span> : null}
          </div>
        )}
        {light.open ? (
          <div className="light">
            <label className="check">
              <input type="checkbox" checked={boxes} onChange={(event) => setBoxes(event.target.checked)} />
              {t.viewer.boxes}
            </label>
            <label className="check">
              <input type="checkbox" checked={labels} onChange={(event) => setLabels(event.target.checked)} />
              {t.viewer.labels}
            </label>
            {(["brightness", "contrast"] as const).map((name) => (
              <label key={name} className="labelled">
                <span>
                  {t.viewer[name]} {light[name]} %
                </span>
                <input type="range" min={50} max={200} step={5} value={light[name]} onChange={(event) => setLight({ ...light, [name]: Number(event.target.value) })} />
              </label>
            ))}
            <button type="button" className="button compact" onClick={() => setLight({ open: true, brightness: 100, contrast: 100 })}>
              {t.viewer.reset}
            </button>
          </div>
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
