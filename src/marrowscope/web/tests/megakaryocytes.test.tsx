import { act } from "react";
import { beforeEach, describe, expect, it, vi } from "vitest";
import type { Field, Megakaryocyte, Megakaryocytes as Found, Patient, Slide } from "../src/api/shapes";
import { KnownContext, type Known } from "../src/context";
import { Megakaryocytes } from "../src/patient/Megakaryocytes";
import { t } from "../src/strings";
import { stage } from "./setup";

vi.mock("../src/viewer/ImageViewer", () => ({
  ImageViewer: ({ name, box }: { name: string; box: number[] }) => <div data-testid="place">{`${name} ${box.join(" ")}`}</div>,
}));

const on = stage();
const known = { user: { role: "reviewer" } } as unknown as Known;
const field = { id: "f1", name: "wide.png", dzi: "/wide.dzi" } as Field;
const slide = { id: "s1", name: "smear.svs", dzi: "/smear.dzi" } as Slide;
const nobody = { confirmed: null, answered_by: null, answered_at: null };
const figures = { area_um2: 2000, nucleus_um2: 700, score: 0.9 };
let candidates: Megakaryocyte[];
let sent: [string, unknown][];
let asked: number;

function found(): Found {
  const said = (answer: boolean | null): number => candidates.filter((one) => one.confirmed === answer).length;
  const rate = { per_mm2: null, low: null, high: null };
  return { examined_mm2: 0.5, confirmed: said(true), rejected: said(false), unanswered: said(null), ...rate, locked: false, items: candidates };
}

beforeEach(() => {
  candidates = [
    { id: "c1", slide_id: null, slide: null, field_id: "f1", field: "wide.png", x0: 10, y0: 20, x1: 300, y1: 310, picture: "/c1.jpg", ...figures, ...nobody },
    { id: "c2", slide_id: "s1", slide: "smear.svs", field_id: null, field: null, x0: 1, y0: 2, x1: 3, y1: 4, picture: "/c2.jpg", ...figures, ...nobody },
  ];
  sent = [];
  asked = 0;
  globalThis.fetch = async (address, init) => {
    const answered = /megakaryocytes\/(\w+)\/answer/.exec(String(address))?.[1];
    if (answered) {
      const body = JSON.parse(String(init?.body)) as { confirmed: boolean | null };
      sent.push([answered, body.confirmed]);
      candidates = candidates.map((one) => (one.id === answered ? { ...one, confirmed: body.confirmed } : one));
    } else asked += 1;
    return new Response(JSON.stringify(found()), { headers: { "Content-Type": "application/json" } });
  };
});

const show = (images: (Slide | Field)[], done = 1): Promise<void> => {
  const patient = { id: "p1", specimen: "marrow", analysis: { id: "a1", status: "running", done } } as unknown as Patient;
  return on.show(
    <KnownContext.Provider value={known}>
      <Megakaryocytes patient={patient} images={images} onChange={() => undefined} />
    </KnownContext.Provider>,
  );
};
const cards = (): HTMLElement[] => [...on.place.querySelectorAll("article")];
const press = (label: string): Promise<void> => act(async () => [...on.place.querySelectorAll("button")].find((one) => one.getAttribute("aria-label") === label)?.click());

describe("candidates for megakaryocytes", () => {
  it("of fields and slides are shown together, each with where it lies", async () => {
    await show([slide, field]);
    await on.until(() => expect(cards()).toHaveLength(2));
    expect(cards().map((card) => card.querySelector(".clip")?.textContent)).toEqual(["wide.png", "smear.svs"]);
    await press(t.megakaryocytes.place("wide.png"));
    await on.until(() => expect(document.querySelector("[data-testid=place]")?.textContent).toBe("wide.png 10 20 300 310"));
  });

  it("are not opened where the image is not there", async () => {
    await show([slide]);
    await on.until(() => expect(cards()).toHaveLength(2));
    expect(cards()[0]?.querySelector("button.clip")).toBeNull();
    expect(cards()[0]?.textContent).toContain("wide.png");
  });

  it("of a field are answered by a key", async () => {
    await show([slide, field]);
    await on.until(() => expect(cards()).toHaveLength(2));
    await act(async () => cards()[0]?.dispatchEvent(new KeyboardEvent("keydown", { key: "Enter", bubbles: true })));
    await on.until(() => expect(on.place.textContent).toContain(t.megakaryocytes.answered(1, 0, 1)));
    expect(sent).toEqual([["c1", true]]);
  });

  it("are loaded again when a further field is read, and stay shown meanwhile", async () => {
    await show([field]);
    await on.until(() => expect(cards()).toHaveLength(2));
    expect(asked).toBe(1);
    candidates = [...candidates, { ...(candidates[0] as Megakaryocyte), id: "c3" }];
    await show([field], 2);
    expect(cards().length).toBeGreaterThan(0);
    await on.until(() => expect(cards()).toHaveLength(3));
  });
});
