/** Drawn stand-ins for what the service cuts out of fields. */
import type { Cell, Field } from "../../src/api/shapes";
import { TYPES } from "./taxonomy";

function nucleus(cell: Cell, x: number, y: number, r: number): string {
  const colour = TYPES.find((type) => type.id === cell.type)?.colour ?? "#777";
  const lobes = cell.model_type === "segmented_neutrophil" ? [-0.45, 0.05, 0.5] : [0];
  const wobble = ((cell.number * 37) % 20) / 100;
  const dots = lobes
    .map((at) => `<ellipse cx="${x + at * r}" cy="${y + wobble * r}" rx="${r * (lobes.length > 1 ? 0.35 : 0.68)}" ry="${r * (0.6 - wobble)}" fill="#6a3d8f"/>`)
    .join("");
  return `<circle cx="${x}" cy="${y}" r="${r}" fill="#cdb7e3" stroke="${colour}" stroke-opacity=".35"/>${dots}`;
}

export function crop(cell: Cell): string {
  return `<svg xmlns="http://www.w3.org/2000/svg" width="96" height="96"><rect width="96" height="96" fill="#f1dfe6"/><circle cx="16" cy="80" r="13" fill="#dfa9a9"/><circle cx="84" cy="20" r="13" fill="#dfa9a9"/>${nucleus(cell, 48, 48, 30)}</svg>`;
}

export function sheet(cells: Cell[]): string {
  const rows = Math.ceil(cells.length / 16);
  const parts = cells.map((cell, index) => {
    const x = (index % 16) * 96;
    const y = Math.floor(index / 16) * 96;
    return `<g transform="translate(${x} ${y})">${crop(cell).replace(/<\/?svg[^>]*>/g, "")}</g>`;
  });
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${16 * 96}" height="${rows * 96}">${parts.join("")}</svg>`;
}

export function field(image: Field, cells: Cell[]): string {
  const red = Array.from({ length: 160 }, (_, index) => {
    const x = (index * 7919) % image.width;
    const y = (index * 104729) % image.height;
    return `<circle cx="${x}" cy="${y}" r="26" fill="#e3b4b4"/>`;
  }).join("");
  const white = cells.map((cell) => {
    const [x0, y0, x1, y1] = cell.box;
    return nucleus(cell, (x0 + x1) / 2, (y0 + y1) / 2, (x1 - x0) / 2.1);
  });
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${image.width} ${image.height}" width="${image.width}" height="${image.height}"><rect width="100%" height="100%" fill="#f6eaee"/>${red}${white.join("")}</svg>`;
}
