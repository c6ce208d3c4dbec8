import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { Cell } from "../src/api/shapes";
import { ALL, DELETED, LOT, ReviewStore, SUGGESTED, UNSURE } from "../src/review/state/store";
import { TYPES } from "./mock/taxonomy";
import type { MockService } from "./mock/service";
import { pretend, storage } from "./setup";

const taxonomy = { version: "2", types: TYPES };
let service: MockService;
let store: ReviewStore;

async function open(kept = storage()): Promise<ReviewStore> {
  const analysis = service.patients[0]?.analysis;
  if (!analysis) throw new Error("no analysis");
  const made = new ReviewStore({ ...analysis }, taxonomy, null, true, kept);
  await made.load();
  return made;
}

const blasts = (): string[] => store.sections.find((section) => section.type === "blast")?.ids ?? [];
const served = (id: string): Cell => service.cells.find((cell) => cell.id === id) as Cell;

beforeEach(async () => {
  sessionStorage.clear();
  service = pretend();
  store = await open();
});
afterEach(() => store.close());

describe("the gallery", () => {
  it("shows every cell by class, the surest first", () => {
    const probabilities = blasts().map((id) => store.cell(id)?.probability ?? 0);
    expect(probabilities).toEqual([...probabilities].sort((a, b) => b - a));
    expect(store.sections.flatMap((section) => section.ids)).toHaveLength(60);
  });

  it("shows one class, the suggested and the struck-out cells", () => {
    store.show("blast");
    expect(store.selection.order).toEqual(blasts());
    store.show(SUGGESTED);
    expect(store.selection.order.length).toBe(store.counts.get(SUGGESTED));
    expect(store.counts.get(SUGGESTED)).toBe((store.counts.get(UNSURE) ?? 0) + (store.counts.get(LOT) ?? 0));
    store.show(DELETED);
    expect(store.selection.order).toEqual([]);
  });
});

describe("naming cells", () => {
  it("keeps an own answer that is accepted while the cells are loaded again", async () => {
    const [first = ""] = blasts();
    const refreshing = store.refresh();
    store.accepted([{ ...served(first), type: "myelocyte", reviewed_type: "myelocyte", revision: 9 }], 99);
    expect(await refreshing).toEqual([]);
    expect(store.cell(first)?.type).toBe("myelocyte");
    expect(store.analysis.revision).toBe(99);
  });

  it("shows at once, saves later, and goes on with the next cell", async () => {
    store.show("blast");
    const [first = "", second] = blasts();
    const before = store.counts.get("blast") ?? 0;
    store.name([first], "myelocyte");
    expect(store.cell(first)?.type).toBe("myelocyte");
    expect(store.counts.get("blast")).toBe(before - 1);
    expect(store.selection.focus).toBe(second);
    expect(served(first).reviewed_type).toBeNull();
    expect(await store.outbox.flush()).toBe(true);
    expect(served(first).reviewed_type).toBe("myelocyte");
    expect(store.cell(first)?.revision).toBe(2);
  });

  it("sends many changes in one request", async () => {
    const some = blasts().slice(0, 5);
    service.log.length = 0;
    for (const id of some) store.name([id], "lymphocyte");
    await store.outbox.flush();
    expect(service.log.filter((line) => line.startsWith("PATCH"))).toHaveLength(1);
  });

  it("the network's own name confirms", async () => {
    const [first = ""] = blasts();
    store.confirm([first]);
    await store.outbox.flush();
    expect(served(first).reviewed_type).toBe("blast");
  });

  it("is undone and redone as a whole", async () => {
    const some = blasts().slice(0, 3);
    store.name(some, "monocyte");
    store.undo();
    expect(some.map((id) => store.cell(id)?.reviewed_type)).toEqual([null, null, null]);
    expect([...store.selection.chosen].sort()).toEqual([...some].sort());
    store.redo();
    await store.outbox.flush();
    expect(some.map((id) => served(id).type)).toEqual(["monocyte", "monocyte", "monocyte"]);
    store.undo();
    await store.outbox.flush();
    expect(some.map((id) => served(id).reviewed_type)).toEqual([null, null, null]);
  });

  it("a cell with another box takes the place of the old one, and both are undone together", async () => {
    const [first = ""] = blasts();
    const cell = await store.redraw(first, [10, 10, 90, 90]);
    expect(cell.type).toBe("blast");
    expect(store.cell(first)?.deleted).toBe(true);
    store.undo();
    await store.outbox.flush();
    expect([served(first).deleted, served(cell.id).deleted]).toEqual([false, true]);
    store.redo();
    await store.outbox.flush();
    expect([served(first).deleted, served(cell.id).deleted]).toEqual([true, false]);
  });

  it("an added cell is undone by striking it out", async () => {
    const cell = await store.add("p1f0", [10, 10, 90, 90], "blast");
    store.undo();
    await store.outbox.flush();
    expect(served(cell.id).deleted).toBe(true);
  });

  it("a struck-out cell leaves the gallery at once", () => {
    const [first = ""] = blasts();
    store.strike([first], true);
    expect(store.counts.get(ALL)).toBe(59);
  });

  it("whether a cell counts is for the service to say", async () => {
    const [first = ""] = blasts();
    store.name([first], "platelet");
    expect(store.cell(first)?.counted).toBeNull();
    await store.outbox.flush();
    expect(store.cell(first)?.counted).toBe(false);
    store.name([first], "monocyte");
    await store.outbox.flush();
    expect(store.cell(first)?.counted).toBe(true);
  });

  it("does nothing for who may only look", async () => {
    const only = new ReviewStore({ ...store.analysis }, taxonomy, null, false, storage());
    await only.load();
    only.name([blasts()[0] ?? ""], "monocyte");
    expect(only.outbox.size).toBe(0);
    only.close();
  });
});

describe("a lost network", () => {
  it("keeps changes, tells so, and sends them when it is back", async () => {
    const [first = ""] = blasts();
    service.unreachable = true;
    store.name([first], "monocyte");
    expect(await store.outbox.flush()).toBe(false);
    expect(store.outbox.state).toBe("offline");
    expect(store.outbox.size).toBe(1);
    service.unreachable = false;
    store.outbox.retry();
    expect(await store.outbox.flush()).toBe(true);
    expect(served(first).type).toBe("monocyte");
  });

  it("keeps changes over a reloaded page", async () => {
    const kept = storage();
    store.close();
    store = await open(kept);
    const [first = ""] = blasts();
    service.unreachable = true;
    store.name([first], "monocyte");
    await store.outbox.flush();
    store.close();
    service.unreachable = false;
    store = await open(kept);
    expect(store.cell(first)?.type).toBe("monocyte");
    expect(await store.outbox.flush()).toBe(true);
    expect(served(first).type).toBe("monocyte");
    expect(kept.size()).toBe(0);
  });
});

describe("somebody else's change", () => {
  const clash = async (): Promise<string> => {
    const [first = ""] = blasts();
    service.change(served(first), { id: first, type: "lymphocyte" }, "omar");
    store.name([first], "monocyte");
    expect(await store.outbox.flush()).toBe(false);
    return first;
  };

  it("is shown, and nothing is overwritten", async () => {
    const id = await clash();
    expect(store.outbox.state).toBe("conflict");
    expect(store.outbox.conflicts.get(id)?.reviewed_by).toBe("omar");
    expect(served(id).type).toBe("lymphocyte");
  });

  it("stands when one lets it", async () => {
    const id = await clash();
    store.outbox.resolve(id, false);
    expect(await store.outbox.flush()).toBe(true);
    expect(store.cell(id)?.type).toBe("lymphocyte");
    expect(served(id).type).toBe("lymphocyte");
  });

  it("gives way when one insists", async () => {
    const id = await clash();
    store.outbox.resolve(id, true);
    expect(await store.outbox.flush()).toBe(true);
    expect(served(id).type).toBe("monocyte");
  });

  it("that says the same is no conflict", async () => {
    const [first = ""] = blasts();
    service.change(served(first), { id: first, type: "monocyte" }, "omar");
    store.name([first], "monocyte");
    await store.outbox.flush();
    expect(store.outbox.conflicts.size).toBe(0);
    expect(store.cell(first)?.reviewed_by).toBe("omar");
  });

  it("a signature stops everything and loses nothing", async () => {
    const [first = ""] = blasts();
    const analysis = service.analysis(store.analysis.id);
    if (analysis) analysis.locked = true;
    store.name([first], "monocyte");
    expect(await store.outbox.flush()).toBe(false);
    expect(store.outbox.state).toBe("refused");
    expect(store.outbox.size).toBe(1);
    expect(store.canEdit).toBe(false);
  });

  it("a signature ends no blind reading: its reader goes on until they finish", async () => {
    const blind = new ReviewStore({ ...store.analysis, locked: true }, taxonomy, "r2", true, null);
    await blind.load();
    expect([blind.isSigned, blind.canEdit]).toEqual([false, true]);
    blind.locked(); // it was finished in another window
    expect([blind.isSigned, blind.canEdit, blind.canAdd]).toEqual([false, false, false]);
    blind.close();
  });
});

describe("the next uncertain cell", () => {
  it("is one nobody has looked at, the lot left aside as long as others are less sure; at the end there is none", async () => {
    const seen = new Set<string>();
    for (let id = store.nextUncertain(); id !== null; id = store.nextUncertain()) {
      expect(seen.has(id)).toBe(false);
      seen.add(id);
      store.reveal(id);
      store.confirm([id]);
    }
    expect(seen.size).toBeGreaterThanOrEqual(59);
  });

  it("of the lot goes through those drawn by lot, and on with those that are drawn then", async () => {
    const lot = store.suggestions.filter((item) => item.part === "random").map((item) => item.cell_id);
    const seen: string[] = [];
    for (let id = await store.nextOfLot(); id !== null; id = await store.nextOfLot()) {
      expect(seen).not.toContain(id);
      seen.push(id);
      store.reveal(id);
      store.confirm([id]);
    }
    expect(seen.slice(0, lot.length).sort()).toEqual([...lot].sort());
    expect(seen.length).toBeGreaterThan(2 * lot.length);
  });
});

describe("a page that is loaded again", () => {
  beforeEach(() => sessionStorage.clear());

  it("shows and selects what it did before", async () => {
    store.sort("unsurest");
    store.show("blast");
    const [, second = "", third = ""] = store.selection.order;
    store.selection.only(second);
    store.selection.extend(third);
    store.close();
    store = await open();
    expect([store.bin, store.order, store.selection.focus]).toEqual(["blast", "unsurest", third]);
    expect([...store.selection.chosen]).toEqual([second, third]);
  });

  it("returns to suggested cells, which come later than the others", async () => {
    store.show(LOT);
    const second = store.selection.order[1] ?? "";
    store.selection.only(second);
    store.close();
    store = await open();
    expect([store.bin, store.selection.focus]).toEqual([LOT, second]);
  });
});

describe("another tab's change", () => {
  beforeEach(() => {
    vi.useFakeTimers();
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  it("appears, with the cells selected as they were", async () => {
    const [first = "", second = ""] = blasts();
    store.selection.only(second);
    service.change(served(first), { id: first, type: "monocyte" }, "omar");
    const analysis = service.analysis(store.analysis.id);
    store.others.heard({ ...store.analysis, revision: store.analysis.revision + 1 });
    if (analysis) analysis.revision = store.analysis.revision + 1;
    await vi.advanceTimersByTimeAsync(1000);
    expect(store.cell(first)?.type).toBe("monocyte");
    expect(store.others.news.map((cell) => [cell.id, cell.reviewed_by])).toEqual([[first, "omar"]]);
    expect(store.selection.focus).toBe(second);
    await vi.advanceTimersByTimeAsync(10_000);
    expect(store.others.news).toEqual([]);
  });

  it("is not looked for where the revision is this tab's own", async () => {
    service.log.length = 0;
    store.others.heard({ ...store.analysis });
    await vi.advanceTimersByTimeAsync(1000);
    expect(service.log).toEqual([]);
  });
});

it("a cell that a link opens while the page is still loading stays selected, whatever was selected before", async () => {
  const [before, asked] = [blasts()[1], blasts()[3]] as [string, string];
  store.reveal(before);
  store.close(); // keeps the place
  const analysis = service.patients[0]?.analysis;
  store = new ReviewStore({ ...analysis } as NonNullable<typeof analysis>, taxonomy, null, true, storage());
  const stop = store.subscribe(() => {
    if (store.loading || store.selection.focus === asked) return;
    stop();
    store.reveal(asked);
  });
  await store.load();
  expect(store.selection.focus).toBe(asked);
});
