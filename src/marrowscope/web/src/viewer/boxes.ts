/** Boxes of cells over a field: drawing, and finding the one at a point. */
import type { Box, Cell, CellType } from "../api/shapes";

/** Transformation from image pixels to view pixels, without rotation. */
export interface Frame {
  scale: number;
  x: number;
  y: number;
}

export const toView = (frame: Frame, box: Box): Box => [
  box[0] * frame.scale + frame.x,
  box[1] * frame.scale + frame.y,
  box[2] * frame.scale + frame.x,
  box[3] * frame.scale + frame.y,
];

/** The smallest cell at a point of the image. */
export function cellAt(cells: readonly Cell[], x: number, y: number): Cell | null {
  const area = ({ box }: Cell): number => (box[2] - box[0]) * (box[3] - box[1]);
  const hit = cells.filter(({ box }) => x >= box[0] && x <= box[2] && y >= box[1] && y <= box[3]);
  return hit.sort((a, b) => area(a) - area(b))[0] ?? null;
}

/** Initial side of a box drawn by keyboard: the typical size of the cells in this field. */
export function usualSide(cells: readonly Cell[], otherwise: number): number {
  const sides = cells.map(({ box }) => box[2] - box[0]).sort((a, b) => a - b);
  return sides[Math.floor(sides.length / 2)] ?? otherwise;
}

/** A box with its corners in order, inside the image. */
export function tidy(box: Box, width: number, height: number): Box {
  const inside = (value: number, most: number): number => Math.min(Math.max(value, 0), most);
  return [
    inside(Math.min(box[0], box[2]), width),
    inside(Math.min(box[1], box[3]), height),
    inside(Math.max(box[0], box[2]), width),
    inside(Math.max(box[1], box[3]), height),
  ];
}

const LABELLED = 40; // pixels of the view: smaller boxes would disappear under their names

export interface Look {
  types: Map<string, CellType>;
  focus: string | null;
  chosen: ReadonlySet<string>;
  labels: boolean;
}

export function draw(canvas: HTMLCanvasElement, size: { x: number; y: number }, cells: readonly Cell[], frame: Frame, look: Look, sketch: Box | null, isLine = false): void {
  const ratio = devicePixelRatio || 1;
  const { x: width, y: height } = size;
  if (canvas.width !== Math.round(width * ratio)) canvas.width = Math.round(width * ratio);
  if (canvas.height !== Math.round(height * ratio)) canvas.height = Math.round(height * ratio);
  const context = canvas.getContext("2d");
  if (!context) return;
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.clearRect(0, 0, width, height);
  context.font = "600 11px system-ui, sans-serif";
  const last = cells.filter((cell) => cell.id === look.focus);
  for (const cell of [...cells.filter((one) => one.id !== look.focus), ...last]) {
    const box = toView(frame, cell.box);
    if (box[2] < 0 || box[3] < 0 || box[0] > width || box[1] > height) continue;
    drawCell(context, cell, box, look);
  }
  if (sketch && isLine) drawLine(context, toView(frame, sketch));
  else if (sketch) {
    const box = toView(frame, sketch);
    context.setLineDash([5, 4]);
    stroke(context, box, "#ffffff", 4);
    stroke(context, box, "#0a6ebd", 2);
    context.setLineDash([]);
  }
}

/** A line with a bar at each end. */
function drawLine(context: CanvasRenderingContext2D, [x0, y0, x1, y1]: Box): void {
  const length = Math.max(Math.hypot(x1 - x0, y1 - y0), 1);
  const [across, along] = [(-7 * (y1 - y0)) / length, (7 * (x1 - x0)) / length];
  for (const [colour, width] of [["#ffffff", 5], ["#0a6ebd", 2]] as const) {
    context.strokeStyle = colour;
    context.lineWidth = width;
    context.beginPath();
    context.moveTo(x0, y0);
    context.lineTo(x1, y1);
    for (const [x, y] of [[x0, y0], [x1, y1]] as const) {
      context.moveTo(x - across, y - along);
      context.lineTo(x + across, y + along);
    }
    context.stroke();
  }
}

function drawCell(context: CanvasRenderingContext2D, cell: Cell, box: Box, look: Look): void {
  const type = look.types.get(cell.type ?? "unclassified");
  const colour = cell.deleted ? "#6b7280" : (type?.colour ?? "#6b7280");
  const focused = cell.id === look.focus;
  context.setLineDash(cell.deleted ? [4, 4] : []);
  if (focused) stroke(context, box, "#ffffff", 7);
  else if (look.chosen.has(cell.id)) stroke(context, box, "#ffffff", 5);
  stroke(context, box, colour, focused ? 4 : look.chosen.has(cell.id) ? 3 : 2);
  context.setLineDash([]);
  if ((look.labels && box[2] - box[0] > LABELLED) || focused) label(context, type?.abbreviation ?? "?", colour, box);
}

function stroke(context: CanvasRenderingContext2D, box: Box, colour: string, width: number): void {
  context.strokeStyle = colour;
  context.lineWidth = width;
  context.strokeRect(box[0], box[1], box[2] - box[0], box[3] - box[1]);
}

function label(context: CanvasRenderingContext2D, text: string, colour: string, box: Box): void {
  const width = context.measureText(text).width + 8;
  context.fillStyle = colour;
  context.fillRect(box[0] - 1, box[1] - 15, width, 15);
  context.fillStyle = isLight(colour) ? "#111111" : "#ffffff";
  context.fillText(text, box[0] + 3, box[1] - 4);
}

function isLight(colour: string): boolean {
  const value = Number.parseInt(colour.slice(1), 16);
  return 0.299 * (value >> 16) + 0.587 * ((value >> 8) & 255) + 0.114 * (value & 255) > 150;
}

/** A round length in µm that is 60 to 150 view pixels wide. */
export function scaleBar(micrometresPerViewPixel: number): { um: number; pixels: number } {
  const least = 60 * micrometresPerViewPixel;
  const power = 10 ** Math.floor(Math.log10(least));
  const um = [1, 2, 5, 10].map((step) => step * power).find((length) => length >= least) ?? 10 * power;
  return { um, pixels: um / micrometresPerViewPixel };
}
