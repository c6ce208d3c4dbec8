import { describe, expect, it } from "vitest";
import { Repeated } from "../src/api/repeated";

/** Work that ends when it is told to. */
function slow(): { work: (signal: AbortSignal) => Promise<void>; started: AbortSignal[]; end: () => Promise<void> } {
  const started: AbortSignal[] = [];
  let finish = (): void => undefined;
  const work = (signal: AbortSignal): Promise<void> => {
    started.push(signal);
    return new Promise((done) => (finish = done));
  };
  const end = async (): Promise<void> => {
    finish();
    await new Promise((done) => setTimeout(done));
  };
  return { work, started, end };
}

describe("work that is asked for again", () => {
  it("goes on while it is asked for, and is done once more for all who asked", async () => {
    const { work, started, end } = slow();
    const repeated = new Repeated(work);
    for (let times = 0; times < 5; times++) repeated.ask();
    expect(started.map((signal) => signal.aborted)).toEqual([false]);
    await end();
    expect(started).toHaveLength(2);
    await end();
    expect(started).toHaveLength(2);
    repeated.ask();
    expect(started).toHaveLength(3);
  });

  it("is given up when it is stopped, and not begun again", async () => {
    const { work, started, end } = slow();
    const repeated = new Repeated(work);
    repeated.ask();
    repeated.ask();
    repeated.stop();
    expect(started[0]?.aborted).toBe(true);
    await end();
    repeated.ask();
    expect(started).toHaveLength(1);
  });
});
