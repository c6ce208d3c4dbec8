import { beforeEach, describe, expect, it } from "vitest";
import { Selection } from "../src/review/state/selection";

describe("selection", () => {
  let selection: Selection;
  beforeEach(() => {
    selection = new Selection();
    selection.arranged(["a", "b", "c", "d", "e"]);
  });

  it("begins with the first cell", () => {
    expect(selection.focus).toBe("a");
    expect([...selection.chosen]).toEqual(["a"]);
  });

  it("extends from where the last plain choice was, in both directions", () => {
    selection.only("c");
    selection.extend("e");
    expect([...selection.chosen]).toEqual(["c", "d", "e"]);
    selection.extend("a");
    expect([...selection.chosen]).toEqual(["a", "b", "c"]);
  });

  it("toggles single cells", () => {
    selection.toggle("c");
    selection.toggle("a");
    expect([...selection.chosen]).toEqual(["c"]);
  });

  it("stops at both ends", () => {
    selection.move(-3, "only");
    expect(selection.focus).toBe("a");
    selection.move(99, "extend");
    expect(selection.chosen.size).toBe(5);
  });

  it("is restored as far as the cells are there", () => {
    selection.restore("d", ["a", "gone", "d"]);
    expect(selection.focus).toBe("d");
    expect([...selection.chosen]).toEqual(["a", "d"]);
  });

  it("goes on with the next cell when cells leave", () => {
    selection.only("b");
    selection.extend("c");
    selection.leave(["b", "c"]);
    selection.arranged(["a", "d", "e"]);
    expect(selection.focus).toBe("d");
    expect([...selection.chosen]).toEqual(["d"]);
  });

  it("goes back when the last cell leaves", () => {
    selection.only("e");
    selection.leave(["e"]);
    selection.arranged(["a", "b", "c", "d"]);
    expect(selection.focus).toBe("d");
  });
});
