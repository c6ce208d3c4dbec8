/** Pictures of the atlas by type, requested once and again after a pin. */
import { useSyncExternalStore } from "react";
import { get, put, remove } from "../../api/client";
import type { AtlasPicture, Page } from "../../api/shapes";

const known = new Map<string, AtlasPicture[] | null>();
const listeners = new Set<() => void>();

function notify(): void {
  for (const listener of listeners) listener();
}

function load(type: string): void {
  if (!known.has(type)) known.set(type, null);
  get<Page<AtlasPicture>>(`/atlas/${type}`).then(
    (page) => {
      known.set(type, page.items);
      notify();
    },
    () => known.delete(type), // asked for again with the next cell of this type
  );
}

/** The pictures of a type; null while they load. */
export function useAtlas(type: string): AtlasPicture[] | null {
  return useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      if (!known.has(type)) load(type);
      return () => listeners.delete(listener);
    },
    () => known.get(type) ?? null,
  );
}

/** Pin a signed cell to the atlas, or take it out again. */
export async function pin(cell: string, type: string, isPinned: boolean): Promise<void> {
  await (isPinned ? put(`/cells/${cell}/pin`) : remove(`/cells/${cell}/pin`));
  load(type);
}
