import { beforeEach, expect, test, vi } from "vitest";
import { Problem, upload, type SameName } from "../src/api/client";
import { uploads } from "../src/upload/manager";

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
