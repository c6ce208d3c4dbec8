/** The pretended service in the place of the network, and a place where parts of the page are shown. */
import { act, type ReactNode } from "react";
import { createRoot, type Root } from "react-dom/client";
import { afterEach, beforeEach, vi } from "vitest";
import { MockService } from "./mock/service";

export function pretend(cells = 60): MockService {
  const service = new MockService(cells);
  globalThis.fetch = async (input, init) => {
    if (service.unreachable) throw new TypeError("network");
    const body: unknown = typeof init?.body === "string" ? JSON.parse(init.body) : undefined;
    const answer = service.handle(init?.method ?? "GET", String(input), body);
    const text = answer.body === undefined ? null : typeof answer.body === "string" ? answer.body : JSON.stringify(answer.body);
    return new Response(answer.status === 204 ? null : text, { status: answer.status, headers: { "Content-Type": answer.type ?? "application/json" } });
  };
  return service;
}

/** A browser's storage for a test of its own. */
export function storage(): Pick<Storage, "getItem" | "setItem" | "removeItem"> & { size: () => number } {
  const kept = new Map<string, string>();
  return {
    getItem: (key) => kept.get(key) ?? null,
    setItem: (key, value) => void kept.set(key, value),
    removeItem: (key) => void kept.delete(key),
    size: () => kept.size,
  };
}

/** Where a test shows parts of the page; emptied after each test. */
export interface Stage {
  place: HTMLElement;
  /** Let answers of the service arrive, and what they change be shown. */
  rest: () => Promise<void>;
  show: (element: ReactNode) => Promise<void>;
  /** Wait until what is shown is as it is expected to be. */
  until: (check: () => void) => Promise<void>;
}

/** A stage for every test of a file. */
export function stage(): Stage {
  let root: Root;
  const rest = (): Promise<void> => act(async () => new Promise((done) => setTimeout(done, 20)));
  const made: Stage = {
    place: document.createElement("div"),
    rest,
    show: async (element) => {
      await act(async () => root.render(element));
      await rest();
    },
    until: (check) =>
      vi.waitFor(
        async () => {
          await act(async () => {});
          check();
        },
        { timeout: 20_000 },
      ),
  };
  beforeEach(() => {
    vi.stubGlobal("IS_REACT_ACT_ENVIRONMENT", true);
    made.place = document.createElement("div");
    document.body.append(made.place);
    root = createRoot(made.place);
  });
  afterEach(async () => {
    await act(async () => root.unmount());
    made.place.remove();
    vi.unstubAllGlobals();
  });
  return made;
}
