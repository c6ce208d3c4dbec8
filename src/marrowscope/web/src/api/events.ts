/** Server-sent events of the service, in one stream for the whole page. */
import { API } from "./client";
import type { Analysis } from "./shapes";

export type News = { kind: "analysis"; analysis: Analysis } | { kind: "patient"; id: string } | { kind: "reconnected" };

type Listener = (news: News) => void;

const listeners = new Set<Listener>();
let source: EventSource | null = null;
let lost = false;

function notify(news: News): void {
  for (const listener of listeners) listener(news);
}

function open(): void {
  source = new EventSource(`${API}/events`);
  source.addEventListener("analysis", (event) => notify({ kind: "analysis", analysis: JSON.parse(event.data as string) as Analysis }));
  source.addEventListener("patient", (event) => notify({ kind: "patient", id: (JSON.parse(event.data as string) as { id: string }).id }));
  source.onerror = () => {
    lost = true;
  };
  source.onopen = () => {
    if (lost) notify({ kind: "reconnected" });
    lost = false;
  };
}

/** Subscribe to changes of analyses and patients; returns a function that unsubscribes. */
export function listen(listener: Listener): () => void {
  listeners.add(listener);
  if (!source && typeof EventSource !== "undefined") open();
  return () => {
    listeners.delete(listener);
    if (listeners.size === 0) {
      source?.close();
      source = null;
    }
  };
}
