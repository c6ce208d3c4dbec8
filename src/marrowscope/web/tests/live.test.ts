import { describe, expect, it } from "vitest";
import { Unreachable } from "../src/api/client";
import type { UploadItem } from "../src/api/shapes";
import { Follower, type FolderHandle } from "../src/live/folder";
import { sharpness } from "../src/live/focus";
import { Sender } from "../src/live/sender";

const item = (name: string, status: UploadItem["status"] = "stored", more: Partial<UploadItem> = {}): UploadItem => ({ name, status, message: "", field_id: "f", ...more });
const settled = async (sender: Sender): Promise<void> => {
  while (sender.left > 0) await new Promise((done) => setTimeout(done));
};

describe("images on their way", () => {
  it("go in the order in which they were taken, also after the connection was lost", async () => {
    const sent: string[] = [];
    const keys = new Set<string>();
    let calls = 0;
    const pauses: number[] = [];
    const sender = new Sender(
      "p",
      async (_, [first], { key }) => {
        keys.add(key);
        if (++calls === 2) throw new Unreachable("away");
        sent.push(first?.name ?? "");
        return [item(first?.name ?? "")];
      },
      async (ms) => void pauses.push(ms),
    );
    for (const name of ["1.png", "2.png", "3.png"]) sender.add(new Blob([name]), name);
    await settled(sender);
    expect(sent).toEqual(["1.png", "2.png", "3.png"]);
    expect(keys.size).toBe(3); // sent again under the same key, so that nothing is taken twice
    expect(pauses.length).toBe(1);
    expect(sender.isOffline).toBe(false);
  });

  it("that are refused are told, unless the patient's list tells of them", async () => {
    const sender = new Sender("p", async (_, [first]) => [
      first?.name === "notes.txt" ? item("notes.txt", "refused", { message: "no image", field_id: null }) : item("broken.png", "refused", { message: "damaged" }),
    ]);
    sender.add(new Blob(), "notes.txt");
    sender.add(new Blob(), "broken.png");
    await settled(sender);
    expect(sender.refused).toEqual([{ name: "notes.txt", why: "no image" }]);
  });
});

describe("a folder that is followed", () => {
  const files = new Map<string, { size: number; lastModified: number }>();
  const folder: FolderHandle = {
    kind: "directory",
    name: "captures",
    async *values() {
      for (const [name, facts] of files) yield { kind: "file" as const, name, getFile: async () => ({ ...facts, name }) as unknown as File };
    },
  };
  const follow = (takesEarlier: boolean): { taken: string[]; follower: Follower } => {
    const taken: string[] = [];
    return { taken, follower: new Follower(folder, takesEarlier, (_, name) => taken.push(name), () => undefined) };
  };

  it("gives each image once it is written to its end, and those written again", async () => {
    files.clear();
    files.set("old.png", { size: 5, lastModified: 1 });
    const { taken, follower } = follow(false);
    await follower.look();
    files.set("2.png", { size: 1, lastModified: 3 });
    files.set("1.png", { size: 9, lastModified: 2 });
    files.set("notes.txt", { size: 9, lastModified: 2 });
    await follower.look();
    expect(taken).toEqual([]);
    files.set("2.png", { size: 7, lastModified: 4 }); // still being written
    await follower.look();
    expect(taken).toEqual(["1.png"]);
    await follower.look();
    await follower.look();
    expect(taken).toEqual(["1.png", "2.png"]);
    files.set("old.png", { size: 6, lastModified: 9 });
    await follower.look();
    await follower.look();
    expect(taken).toEqual(["1.png", "2.png", "old.png"]);
  });

  it("gives those that were there, where that is wanted", async () => {
    files.clear();
    files.set("old.png", { size: 5, lastModified: 1 });
    const { taken, follower } = follow(true);
    await follower.look();
    await follower.look();
    expect(taken).toEqual(["old.png"]);
  });
});

describe("focus", () => {
  const picture = (value: (x: number, y: number) => number): Uint8ClampedArray => {
    const pixels = new Uint8ClampedArray(4 * 32 * 32);
    for (let at = 0; at < 32 * 32; at++) pixels.fill(value(at % 32, Math.floor(at / 32)), 4 * at, 4 * at + 3);
    return pixels;
  };

  it("is higher for a sharp edge than for a soft one, and none for a plain field", () => {
    const sharp = sharpness(picture((x) => (x < 16 ? 0 : 200)), 32, 32);
    const soft = sharpness(picture((x) => Math.min(Math.max((x - 12) * 25, 0), 200)), 32, 32);
    expect(sharp).toBeGreaterThan(soft);
    expect(soft).toBeGreaterThan(0);
    expect(sharpness(picture(() => 90), 32, 32)).toBeCloseTo(0);
  });
});
