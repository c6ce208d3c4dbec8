import { act, type ReactNode } from "react";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Analysis } from "../src/api/shapes";
import { KnownContext, type Known } from "../src/context";
import { Readings } from "../src/patient/Readings";
import { SignDialog } from "../src/patient/SignDialog";
import { Headline } from "../src/review/DifferentialPanel";
import { ReviewStore } from "../src/review/state/store";
import { speak, t } from "../src/strings";
import type { MockService } from "./mock/service";
import { TYPES } from "./mock/taxonomy";
import { pretend, stage, storage } from "./setup";

const on = stage();
const taxonomy = { version: "2", types: TYPES };
const rule = { id: "over-20", title: "More than 20 % blasts", condition: "blasts > 20 %" };
let service: MockService;
let store: ReviewStore;

const analysis = (): Analysis => service.patients[0]?.analysis as Analysis;

async function open(part: Partial<Analysis> = {}): Promise<ReviewStore> {
  store = new ReviewStore({ ...analysis(), ...part }, taxonomy, null, true, storage());
  await store.load();
  return store;
}

const show = (element: ReactNode): Promise<void> => {
  const known = { taxonomy, user: service.signedIn, session: service.session(), settings: { rule: "over-20", rules: [rule] } } as unknown as Known;
  return on.show(<KnownContext.Provider value={known}>{element}</KnownContext.Provider>);
};

beforeEach(() => {
  sessionStorage.clear();
  service = pretend();
});
afterEach(() => act(() => store.close()));

describe("the dialog to sign", () => {
  const dialog = async (): Promise<void> => {
    await show(<SignDialog store={store} specimen="marrow" onSigned={() => undefined} onClose={() => undefined} />);
    await on.until(() => expect(on.place.querySelector(".loading")).toBeNull());
  };
  const headline = (): string => on.place.querySelector(".card .headline")?.textContent ?? "";

  it("shows the share that decides and says which the counted one is", async () => {
    await open();
    const { reviewed } = store.differential ?? expect.unreachable();
    await dialog();
    expect(headline()).toContain(t.percent(reviewed.adjusted_percent) + t.interval(reviewed.adjusted_low, reviewed.adjusted_high));
    expect(headline()).not.toContain(t.percent(reviewed.blast_percent));
    expect(on.place.querySelector(".card")?.textContent).toContain(`${t.percent(reviewed.blast_percent)} counted`);
    expect(on.place.querySelector(".card")?.textContent).toContain("Reviewed: decides");
  });

  it("keeps a reason that is being typed while others go on", async () => {
    await open();
    await dialog();
    const reason = on.place.querySelector<HTMLInputElement>(`[placeholder="${t.sign.openReason}"]`) ?? expect.unreachable();
    const asked: string[] = [];
    const { fetch } = globalThis;
    globalThis.fetch = (input, init) => {
      asked.push(String(input));
      return fetch(input, init);
    };
    act(() => store.accepted([], store.analysis.revision + 1));
    expect(on.place.contains(reason)).toBe(true);
    await on.until(() => expect(asked.filter((path) => path.endsWith("/checklist"))).toHaveLength(1));
    await on.rest();
    expect(on.place.contains(reason)).toBe(true);
  });

  it("says where nothing decides yet", async () => {
    await open();
    for (const share of store.differential?.reviewed.shares ?? []) share.decides = false;
    await dialog();
    expect(headline()).toContain(t.differential.nothingDecides);
  });
});

describe("how far the lot is", () => {
  afterEach(() => speak("en"));

  it.each([["en", "By lot: 49 of 100"], ["de", "Ausgelost: 49 von 100"]] as const)("is told in %s, with a bar", async (language, words) => {
    await speak(language);
    await open();
    await show(<Headline store={store} />);
    const lot = on.place.querySelector("[data-testid=lot]");
    expect(lot?.textContent).toBe(words);
    expect(lot?.querySelector("[role=progressbar]")?.getAttribute("aria-valuenow")).toBe("49");
  });

  it("is not told where nothing was counted", async () => {
    await open();
    if (store.differential) store.differential.lot = { answered: 0, wanted: 0 };
    await show(<Headline store={store} />);
    expect(on.place.querySelector("[data-testid=lot]")).toBeNull();
  });
});

describe("a signed report", () => {
  it.each([[false, 1], [true, 0]])("asks for a review only before it is signed (signed: %s)", async (locked, buttons) => {
    await open({ locked });
    await show(<Headline store={store} />);
    expect(on.place.querySelectorAll("button")).toHaveLength(buttons);
  });

  it.each([[false, "open"], [true, "signed"]])("is what its first reading says (signed: %s)", async (locked, status) => {
    await open();
    const first = { id: "r1", kind: "first" as const, reader: null, status: "open" as const, cells: 3, finished_at: null };
    const second = { ...first, id: "r2", kind: "second" as const, reader: "Eva Brandt" };
    await show(<Readings analysis={{ ...analysis(), locked }} readings={[first, second] as never} mine={null} onChange={() => undefined} />);
    const told = [...on.place.querySelectorAll("tbody tr")].map((row) => row.children[1]?.textContent);
    expect(told).toEqual([status, "open"]);
  });
});
