import { act } from "react";
import { afterEach, beforeEach, describe, expect, it, test, vi } from "vitest";
import { Activity } from "../src/activity/Activity";
import { DONE_MS } from "../src/activity/tasks";
import { Problem, upload, type SameName } from "../src/api/client";
import type { UploadItem } from "../src/api/shapes";
import { uploads } from "../src/upload/manager";
import { stage } from "./setup";

const sent: [string, SameName | null][] = [];

vi.mock("../src/api/client", async (original) => ({ ...(await original<typeof import("../src/api/client")>()), upload: vi.fn() }));

/** A service whose patient has other images named old…: it asks unless it is told. */
function answer(_patient: string, files: { name: string }[], how: { sameName: SameName | null }): Promise<unknown> {
  const name = files[0]?.name ?? "";
  sent.push([name, how.sameName]);
  if (name.startsWith("old") && how.sameName === null) return Promise.reject(new Problem(409, { type: "same-name", status: 409 }));
  return Promise.resolve([{ name, status: "stored", message: "", field_id: "f" }]);
}

function start(...names: string[]): Promise<void> {
  return uploads.start("P-1", "p1", names.map((name) => new File(["x"], name)), null);
}

const statuses = (): Record<string, string> => Object.fromEntries(uploads.jobs[0]?.files.map((row) => [row.name, row.status]) ?? []);

beforeEach(() => {
  sent.length = 0;
  vi.mocked(upload).mockImplementation(answer as unknown as typeof upload);
});

test("everything else is sent before the one question about many files", async () => {
  const done = start("old1.png", "new.png", "old2.png");
  await vi.waitFor(() => expect(uploads.question).not.toBeNull());
  expect(uploads.question?.rows.map((row) => row.name)).toEqual(["old1.png", "old2.png"]);
  expect(statuses()).toEqual({ "old1.png": "asking", "new.png": "stored", "old2.png": "asking" });
  uploads.question?.settle("replace", true);
  await done;
  expect(uploads.question).toBeNull();
  expect(sent.slice(3)).toEqual([["old1.png", "replace"], ["old2.png", "replace"]]);
  expect(Object.values(statuses())).toEqual(["stored", "stored", "stored"]);
});

test("an answer for one file leaves the question about the others", async () => {
  const done = start("old1.png", "old2.png", "old.zip");
  await vi.waitFor(() => expect(uploads.question?.rows).toHaveLength(3));
  uploads.question?.settle("keep", false);
  await vi.waitFor(() => expect(uploads.question?.rows).toHaveLength(2));
  uploads.question?.settle("cancel", true);
  await done;
  expect(sent.slice(3)).toEqual([["old1.png", "keep"], ["old.zip", "cancel"]]);
  expect(statuses()).toEqual({ "old1.png": "stored", "old2.png": "left", "old.zip": "stored" });
});

test("stopping the upload takes its question back", async () => {
  const done = start("old1.png");
  await vi.waitFor(() => expect(uploads.question).not.toBeNull());
  const job = uploads.jobs[0];
  if (job) uploads.stop(job);
  await done;
  expect(uploads.question).toBeNull();
  expect(sent).toHaveLength(1);
  expect(statuses()).toEqual({ "old1.png": "lost" });
});

describe("below the page", () => {
  const on = stage();
  const heading = (): string | undefined => on.place.querySelector("h2")?.textContent ?? undefined;

  /** Send two files, of which the second is received in the end as it is said. */
  async function send(status: "stored" | "refused"): Promise<() => Promise<void>> {
    let receive = (): void => undefined;
    const received = new Promise<void>((done) => (receive = done));
    vi.mocked(upload).mockImplementation(async (_patient, [sent]) => {
      if (sent?.name === "2.jpg") await received;
      return [{ name: sent?.name ?? "", status: sent?.name === "2.jpg" ? status : "stored", message: status === "refused" ? "not an image" : null }] as UploadItem[];
    });
    const all = uploads.start("BM-26-0412", "p1", ["1.jpg", "2.jpg"].map((name) => new File(["x"], name)), null);
    return async () => {
      receive();
      await act(async () => all);
    };
  }

  beforeEach(() => {
    uploads.clear();
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"], shouldAdvanceTime: true });
  });
  afterEach(() => {
    act(() => uploads.clear());
    vi.useRealTimers();
  });

  it("uploads that went well say that they are done, and go by themselves", async () => {
    const receive = await send("stored");
    await on.show(<Activity isRoomy />);
    expect(heading()).toBe("In progress");
    await receive();
    expect(heading()).toBe("Done");
    await act(async () => vi.advanceTimersByTime(DONE_MS));
    expect(heading()).toBeUndefined();
  });

  it("what was refused stays until it is cleared", async () => {
    const receive = await send("refused");
    await on.show(<Activity isRoomy />);
    await receive();
    await act(async () => vi.advanceTimersByTime(2 * DONE_MS));
    expect(heading()).toBe("Done");
    expect(on.place.textContent).toContain("not an image");
  });
});
