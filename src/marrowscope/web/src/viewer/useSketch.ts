/** Drawing over a field: a box of a cell, new or to be corrected, or the line of a measurement. */
import { useRef, useState, type PointerEvent, type RefObject } from "react";
import type { Box, Field } from "../api/shapes";
import { tidy, type Frame } from "./boxes";

export type Mode = "look" | "add" | "edit" | "measure";

const SMALLEST = 8; // pixels of the image a drawn box must measure
const STEP = 6; // pixels of the view by which an arrow key moves
const GRIP = 10; // pixels of the view within which a corner is taken hold of

const ARROWS: Record<string, readonly [number, number]> = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

/** What a pointer that goes down at a point moves: a corner of the sketch, all of it, or the end of a new one. */
type Hold = { corner: [0 | 2, 1 | 3] } | { from: Box; at: [number, number] } | { origin: [number, number] };

export interface Sketching {
  mode: Mode;
  sketch: Box | null;
  start: (mode: Mode, sketch: Box | null) => void;
  stop: () => void;
  /** Move or resize by an arrow key; false if the key is none. */
  arrow: (event: { key: string; shiftKey: boolean }) => boolean;
  pointer: { onPointerDown: (event: PointerEvent) => void; onPointerMove: (event: PointerEvent) => void; onPointerUp: () => void };
}

export function useSketch(canvas: RefObject<HTMLCanvasElement | null>, frame: () => Frame | null, field: Field | null): Sketching {
  const [mode, setMode] = useState<Mode>("look");
  const [sketch, setSketch] = useState<Box | null>(null);
  const hold = useRef<Hold | null>(null);
  const inImage = (event: PointerEvent): [number, number] | null => {
    const place = frame();
    const area = canvas.current?.getBoundingClientRect();
    return place && area ? [(event.clientX - area.left - place.x) / place.scale, (event.clientY - area.top - place.y) / place.scale] : null;
  };
  return {
    mode,
    sketch,
    start: (next, box) => {
      setMode(next);
      setSketch(box);
    },
    stop: () => {
      hold.current = null;
      setMode("look");
      setSketch(null);
    },
    arrow: ({ key, shiftKey }) => {
      const direction = ARROWS[key];
      if (!sketch || !direction) return false;
      const by = STEP / (frame()?.scale ?? 1);
      setSketch(mode === "measure" ? movedEnd(sketch, direction, by, shiftKey) : shiftKey ? resized(sketch, direction, by) : moved(sketch, direction[0] * by, direction[1] * by));
      return true;
    },
    pointer: {
      onPointerDown: (event) => {
        const here = inImage(event);
        if (!here) return;
        event.currentTarget.setPointerCapture(event.pointerId);
        hold.current = mode === "edit" && sketch ? holdOf(sketch, here, GRIP / (frame()?.scale ?? 1)) : { origin: here };
        if ("origin" in hold.current && mode !== "edit") setSketch(null);
      },
      onPointerMove: (event) => {
        const here = inImage(event);
        const held = hold.current;
        if (held && here) setSketch((box) => dragged(held, box, here));
      },
      onPointerUp: () => {
        hold.current = null;
        setSketch((box) => (box && mode !== "measure" && field ? largeEnough(tidy(box, field.width, field.height)) : box));
      },
    },
  };
}

function holdOf(box: Box, [x, y]: [number, number], reach: number): Hold {
  const columns = ([0, 2] as const).filter((side) => Math.abs(box[side] - x) <= reach);
  const rows = ([1, 3] as const).filter((side) => Math.abs(box[side] - y) <= reach);
  const [column, row] = [columns[0], rows[0]];
  if (column !== undefined && row !== undefined) return { corner: [column, row] };
  const isInside = x > box[0] && x < box[2] && y > box[1] && y < box[3];
  return isInside ? { from: box, at: [x, y] } : { origin: [x, y] };
}

function dragged(hold: Hold, box: Box | null, [x, y]: [number, number]): Box | null {
  if ("origin" in hold) return [...hold.origin, x, y];
  if ("from" in hold) return moved(hold.from, x - hold.at[0], y - hold.at[1]);
  if (!box) return null;
  const next: Box = [...box];
  next[hold.corner[0]] = x;
  next[hold.corner[1]] = y;
  return next;
}

const moved = ([x0, y0, x1, y1]: Box, x: number, y: number): Box => [x0 + x, y0 + y, x1 + x, y1 + y];

function resized([x0, y0, x1, y1]: Box, [x, y]: readonly [number, number], by: number): Box {
  return [x0, y0, Math.max(x1 + x * by, x0 + SMALLEST), Math.max(y1 + y * by, y0 + SMALLEST)];
}

function movedEnd([x0, y0, x1, y1]: Box, [x, y]: readonly [number, number], by: number, isStart: boolean): Box {
  return isStart ? [x0 + x * by, y0 + y * by, x1, y1] : [x0, y0, x1 + x * by, y1 + y * by];
}

const largeEnough = (box: Box): Box | null => (box[2] - box[0] >= SMALLEST && box[3] - box[1] >= SMALLEST ? box : null);
