import { act, type ReactNode } from "react";
import { beforeEach, describe, expect, it, vi } from "vitest";
import { KnownContext, type Known } from "../src/context";
import { usePages, type Pages } from "../src/hooks";
import { Outbox } from "../src/pages/Outbox";
import { Controls } from "../src/quality/Controls";
import { t } from "../src/strings";
import { TYPES } from "./mock/taxonomy";
import { stage } from "./setup";

const on = stage();
const sent: { method: string; path: string; body: unknown }[] = [];

/** Answer every request from a table of paths. */
function answer(table: Record<string, () => unknown>): void {
  vi.stubGlobal("fetch", async (address: string, init: RequestInit) => {
    const path = address.replace("/api/v1", "");
    sent.push({ method: init.method ?? "GET", path, body: init.body ? JSON.parse(init.body as string) : null });
    return new Response(JSON.stringify(table[`${init.method} ${path}`]?.() ?? { items: [], next: null }));
  });
}

beforeEach(() => {
  sent.length = 0;
});

describe("a list loaded page by page", () => {
  let pages: Pages<string>;
  function List(): ReactNode {
    pages = usePages<string>("/things?limit=2");
    return null;
  }

  it("is loaded again as far as it was shown", async () => {
    let items = ["a", "b", "c", "d", "e"];
    answer({
      "GET /things?limit=2": () => ({ items: items.slice(0, 2), next: "2" }),
      "GET /things?limit=2&cursor=2": () => ({ items: items.slice(2, 4), next: "4" }),
      "GET /things?limit=2&cursor=4": () => ({ items: items.slice(4), next: null }),
    });
    await on.show(<List />);
    expect(pages.items).toEqual(["a", "b"]);
    await act(async () => pages.more?.());
    await on.rest();
    expect(pages.items).toEqual(["a", "b", "c", "d"]);
    items = ["z", "a", "b", "c", "d", "e"];
    await act(async () => pages.reload());
    await on.rest();
    expect(pages.items).toEqual(["z", "a", "b", "c"]);
    expect(pages.more).not.toBeNull();
  });
});

describe("the outbox", () => {
  const delivery = (id: string): object => ({
    id, analysis_id: "a1", patient_id: "p1", patient: `P ${id}`, number: 1, target: "/srv", status: "refused", attempts: 1,
    created_at: "2026-01-01T00:00:00Z", next_at: "2026-01-01T00:00:00Z", sent_at: null, message: "unknown patient",
  });

  it("goes on page by page, with a heading for each column", async () => {
    answer({
      "GET /outbox": () => ({ items: [delivery("1")], next: "c" }),
      "GET /outbox?cursor=c": () => ({ items: [delivery("2")], next: null }),
    });
    await on.show(<Outbox />);
    const rows = (): number => on.place.querySelectorAll("tbody tr").length;
    await on.until(() => expect(rows()).toBe(1));
    const button = [...on.place.querySelectorAll("button")].find((one) => one.textContent === t.worklist.more);
    await act(async () => button?.click());
    await on.until(() => expect(rows()).toBe(2));
    expect(on.place.querySelectorAll("th")).toHaveLength(on.place.querySelectorAll("tr:last-child td").length);
    expect(on.place.textContent).not.toContain(t.worklist.more);
  });
});

describe("a control slide", () => {
  const occasion = { analysis_id: "a1", patient_id: "p1", patient: "QC 1", at: "2026-01-01T00:00:00Z", bundle: "B", bundle_sha256: "", images: 2, flagged: 0, counted: 90, agreements: [] };
  const control = { id: "c1", name: "Slide", causes: [], signals: 0, occasions: 1, missing: 0, target_id: null, target_gone_at: null, hidden: false, charts: [], acknowledgements: [], seen: [occasion] };
  const known = { session: {}, user: { username: "rita", role: "reviewer" }, taxonomy: { version: "2", types: TYPES }, settings: { rules: [] } } as unknown as Known;

  it("is read again by the rule and at the scale of the reading it repeats", async () => {
    answer({
      "GET /controls": () => ({ items: [control], next: null }),
      "GET /controls/c1": () => control,
      "GET /analyses/a1": () => ({ id: "a1", rule: "who-2022", mpp: 0.12 }),
    });
    await on.show(
      <KnownContext.Provider value={known}>
        <Controls id="c1" />
      </KnownContext.Provider>,
    );
    const button = [...on.place.querySelectorAll("button")].find((one) => one.textContent === t.quality.again);
    await act(async () => button?.click());
    await on.rest();
    expect(sent.find((one) => one.method === "POST")).toEqual({ method: "POST", path: "/patients/p1/analyses", body: { rule: "who-2022", mpp: 0.12 } });
  });
});
