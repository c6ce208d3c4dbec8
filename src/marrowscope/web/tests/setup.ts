/** The pretended service in the place of the network. */
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
