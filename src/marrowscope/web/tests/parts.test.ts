import { nameIn } from "../src/activity/tasks";
import { describe, expect, it } from "vitest";
import type { Cell } from "../src/api/shapes";
import { thresholdOf } from "../src/context";
import { commandOf, typeOf, typesThere, type Press } from "../src/review/state/keys";
import { byFolder } from "../src/upload/dropped";
import { cellAt, scaleBar, tidy } from "../src/viewer/boxes";
import { TYPES } from "./mock/taxonomy";

const press = (key: string, more: Partial<Press> = {}): Press => ({ key, ctrlKey: false, metaKey: false, altKey: false, shiftKey: false, ...more });
const taxonomy = { version: "2", types: TYPES };

describe("keys", () => {
  it("a letter names a class, n and ? are the page's own", () => {
    expect(typeOf(press("b"), taxonomy)).toBe("blast");
    expect(typeOf(press("b", { ctrlKey: true }), taxonomy)).toBeNull();
    expect(typeOf(press("n"), taxonomy)).toBeNull();
    expect(commandOf(press("n"))).toBe("unsure");
    expect(commandOf(press("N", { shiftKey: true }))).toBe("lot");
    expect(commandOf(press("?", { shiftKey: true }))).toBe("help");
  });

  it("mean the same with Caps Lock", () => {
    expect(typeOf(press("B"), taxonomy)).toBe("blast");
    expect(commandOf(press("N"))).toBe("unsure");
    expect(commandOf(press("n", { shiftKey: true }))).toBe("lot");
  });

  it("no type has the key of a command", () => {
    expect(TYPES.filter((type) => commandOf(press(type.key)) !== null)).toEqual([]);
  });

  it("Escape leaves boxes for text, all else is typed there", () => {
    const box = document.createElement("textarea");
    expect(typesThere(box, "b")).toBe(true);
    expect(typesThere(box, "Escape")).toBe(false);
    expect(typesThere(document.body, "b")).toBe(false);
  });

  it("undo and redo as on every system", () => {
    expect(commandOf(press("z", { ctrlKey: true }))).toBe("undo");
    expect(commandOf(press("Z", { metaKey: true, shiftKey: true }))).toBe("redo");
    expect(commandOf(press("y", { ctrlKey: true }))).toBe("redo");
  });

  it("no two classes share a key", () => {
    expect(new Set(TYPES.map((type) => type.key)).size).toBe(TYPES.length);
  });
});

describe("boxes", () => {
  const cell = (id: string, box: Cell["box"]): Cell => ({ id, box }) as Cell;

  it("a point hits the smallest box", () => {
    const cells = [cell("large", [0, 0, 100, 100]), cell("small", [40, 40, 60, 60])];
    expect(cellAt(cells, 50, 50)?.id).toBe("small");
    expect(cellAt(cells, 10, 10)?.id).toBe("large");
    expect(cellAt(cells, 200, 10)).toBeNull();
  });

  it("a box drawn from any corner is put in order, inside the image", () => {
    expect(tidy([90, 120, 10, -5], 100, 100)).toEqual([10, 0, 90, 100]);
  });

  it("the scale bar is a round length of fitting width", () => {
    for (const micrometres of [0.01, 0.1, 0.25, 0.9, 3]) {
      const { um, pixels } = scaleBar(micrometres);
      expect(pixels).toBeGreaterThanOrEqual(60);
      expect(pixels).toBeLessThanOrEqual(150);
      expect([1, 2, 5]).toContain(Number(um.toExponential()[0]));
    }
  });
});

describe("uploads", () => {
  const file = (path: string): File => {
    const made = new File(["x"], path.split("/").at(-1) ?? "");
    Object.defineProperty(made, "webkitRelativePath", { value: path.includes("/") ? path : "" });
    return made;
  };

  it("a folder of folders holds a patient in each, hidden files are left out", () => {
    const batches = byFolder([file("day/A/1.jpg"), file("day/A/2.jpg"), file("day/B/1.jpg"), file("day/.DS_Store")]);
    expect(batches.map(({ name, files }) => [name, files.length])).toEqual([
      ["A", 2],
      ["B", 1],
    ]);
  });

  it("loose files are one patient without a name", () => {
    expect(byFolder([file("1.jpg"), file("2.jpg")]).map(({ name, files }) => [name, files.length])).toEqual([["", 2]]);
  });
});

it("the threshold is read from the rule's condition", () => {
  const settings = { rule: "x", rules: [{ id: "x", title: "", condition: "blasts ≥ 12.5 %" }], floor: 200, target: 500, limits: { file_bytes: 1, files: 1, pixels: 1 }, research_notice: "" };
  expect(thresholdOf(settings, "x")).toEqual({ percent: 12.5, condition: "blasts ≥ 12.5 %" });
});

it("a download is called what the service calls it", () => {
  expect(nameIn("attachment; filename*=UTF-8''P%C3%A4r-1_v2_report.pdf")).toBe("Pär-1_v2_report.pdf");
  expect(nameIn('attachment; filename="P-1_v2_report.pdf"')).toBe("P-1_v2_report.pdf");
  expect(nameIn("")).toBeNull();
});
