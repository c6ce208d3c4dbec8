import { act, type ReactNode } from "react";
import { beforeEach, expect, it } from "vitest";
import type { Analysis } from "../src/api/shapes";
import { KnownContext, type Known } from "../src/context";
import type { ReviewStore } from "../src/review/state/store";
import { useReviewStore } from "../src/review/state/useStore";
import type { MockService } from "./mock/service";
import { TYPES } from "./mock/taxonomy";
import { pretend, stage } from "./setup";

const on = stage();
const known = { taxonomy: { version: "2", types: TYPES } } as unknown as Known;
let service: MockService;
let store: ReviewStore | null;
let release: () => void;

function Review({ analysis, reading = null }: { analysis: Analysis; reading?: string | null }): ReactNode {
  store = useReviewStore(analysis, reading, true);
  return null;
}

const show = (analysis: Analysis, reading: string | null = null): Promise<void> =>
  on.show(
    <KnownContext.Provider value={known}>
      <Review analysis={analysis} reading={reading} />
    </KnownContext.Provider>,
  );

/** Let the service answer for cells only after `release`. */
function hold(): void {
  const answered = globalThis.fetch;
  const held = new Promise<void>((done) => (release = done));
  globalThis.fetch = async (address, init) => {
    if (String(address).includes("/cells?")) await held;
    return answered(address, init);
  };
}

const analysis = (): Analysis => ({ ...(service.patients[0]?.analysis as Analysis) });

beforeEach(() => {
  sessionStorage.clear();
  service = pretend();
});

it("shows the cells while those after a signature are loaded, and takes no answer to them", async () => {
  await show(analysis());
  await on.until(() => expect(store?.size).toBe(60));
  const before = store;
  expect(before?.canEdit).toBe(true);
  hold();
  await show({ ...analysis(), locked: true });
  expect(store).toBe(before);
  const [cell] = before?.all ?? [];
  before?.name([cell?.id ?? ""], "lymphocyte");
  expect([before?.size, before?.canEdit, before?.outbox.size]).toEqual([60, false, 0]);
  await act(async () => release());
  await on.until(() => expect(store).not.toBe(before));
  expect([store?.size, store?.analysis.locked, store?.canEdit]).toEqual([60, true, false]);
});

it("never shows the cells of one reading in another", async () => {
  await show(analysis());
  await on.until(() => expect(store?.size).toBe(60));
  hold();
  await show(analysis(), "r2");
  expect([store?.reading, store?.size]).toEqual(["r2", 0]);
  release();
});
