import { describe, expect, it } from "vitest";
import type { Box, Cell } from "../src/api/shapes";
import { candidatesOf, difference } from "../src/review/compare/candidates";
import { filterOf, PLAIN } from "../src/review/look";
import { above, lengthOf, readingOrder } from "../src/viewer/steps";

const cell = (id: string, x: number, y: number, more: Partial<Cell> = {}): Cell => ({ id, box: [x - 10, y - 10, x + 10, y + 10] as Box, deleted: false, ...more }) as Cell;

describe("from cell to cell in a field", () => {
  const cells = [cell("d", 90, 110), cell("b", 95, 25), cell("a", 20, 30), cell("c", 15, 112), cell("gone", 50, 28, { deleted: true })];

  it("goes row by row from left to right, past deleted cells", () => {
    expect(readingOrder(cells).map((one) => one.id)).toEqual(["a", "b", "c", "d"]);
  });

  it("goes up and down to the nearest cell, and stays at the edge", () => {
    const [a, b] = [cells[2], cells[1]] as [Cell, Cell];
    expect(above(cells, a, 1)?.id).toBe("c");
    expect(above(cells, b, 1)?.id).toBe("d");
    expect(above(cells, cells[0] as Cell, -1)?.id).toBe("b");
    expect(above(cells, b, -1)).toBeNull();
  });
});

describe("a distance", () => {
  it("is in micrometres where the scale is known, else in pixels", () => {
    expect(lengthOf([0, 0, 30, 40], 0.1)).toEqual({ value: 5, unit: "µm" });
    expect(lengthOf([0, 0, 30, 40], null)).toEqual({ value: 50, unit: "px" });
  });
});

describe("what a cell is compared with", () => {
  const parent = (type: string): string | null => (type === "lymphoblast" ? "blast" : null);
  const judged = (type: string, model: string | null, second: string | null): Cell => ({ type, model_type: model, probability: 0.6, second_type: second, second_probability: 0.3 }) as Cell;

  it("is what the networks hesitate between", () => {
    expect(candidatesOf(judged("blast", "blast", "lymphocyte"), parent)).toEqual([
      { type: "blast", probability: 0.6 },
      { type: "lymphocyte", probability: 0.3 },
    ]);
  });

  it("is the reader's type and the networks' where they differ", () => {
    expect(candidatesOf(judged("monocyte", "blast", "lymphocyte"), parent)).toEqual([
      { type: "monocyte", probability: null },
      { type: "blast", probability: 0.6 },
    ]);
    expect(candidatesOf(judged("lymphocyte", "blast", "lymphocyte"), parent)[1]).toEqual({ type: "blast", probability: 0.6 });
  });

  it("is a type that looks alike where the networks say nothing", () => {
    expect(candidatesOf(judged("lymphoblast", null, null), parent)[1]?.type).toBe("promyelocyte");
    expect(candidatesOf(judged("osteoclast", null, null), parent)[1]).toBeNull();
  });

  it("says what tells both apart, also of their kinds", () => {
    expect(difference("lymphocyte", "lymphoblast", parent)).toMatch(/Chromatin/);
    expect(difference("osteoclast", "platelet", parent)).toBeNull();
  });
});

it("pictures without a changed look have no filter", () => {
  expect(filterOf(PLAIN)).toBe("none");
  expect(filterOf({ brightness: 120, contrast: 100, gamma: 80 })).toBe('url("#picture-look") brightness(120%)');
});
