import { useCallback, useEffect, useRef, useState } from "react";
import { get, messageOf, withCursor } from "./api/client";
import { listen, type News } from "./api/events";
import { Repeated } from "./api/repeated";
import type { Page } from "./api/shapes";

export interface Loaded<T> {
  data: T | null;
  error: string | null;
  reload: () => void;
  set: (data: T) => void;
}

/** Load a value when the key changes, keeping the previous one until then. A null key loads nothing. */
export function useLoaded<T>(key: string | null, load: (signal: AbortSignal) => Promise<T>): Loaded<T> {
  const [state, setState] = useState<{ key: string | null; data: T | null; error: string | null }>({ key, data: null, error: null });
  const latest = useRef(load);
  latest.current = load;
  const loading = useRef<Repeated | null>(null);
  useEffect(() => {
    if (key === null) return undefined;
    const now = new Repeated((signal) =>
      latest.current(signal).then(
        (data) => signal.aborted || setState({ key, data, error: null }),
        (error: unknown) => signal.aborted || setState((old) => ({ key, data: old.key === key ? old.data : null, error: messageOf(error) })),
      ),
    );
    loading.current = now;
    now.ask();
    return () => now.stop();
  }, [key]);
  const reload = useCallback(() => loading.current?.ask(), []);
  const set = useCallback((data: T) => setState({ key, data, error: null }), [key]);
  return { data: state.key === key ? state.data : null, error: state.key === key ? state.error : null, reload, set };
}

export interface Pages<T> {
  /** Null until the first page is loaded. */
  items: T[] | null;
  error: string | null;
  reload: () => void;
  /** Loads the next page; null after the last one. */
  more: (() => void) | null;
}

/** A list loaded page by page, all of whose pages so far are loaded again; it starts anew when the path changes. */
export function usePages<T>(path: string): Pages<T> {
  const shown = useRef({ path, pages: 1 });
  if (shown.current.path !== path) shown.current = { path, pages: 1 };
  const { data, error, reload } = useLoaded(path, (signal) => firstPages<T>(path, shown.current.pages, signal));
  const more = useCallback(() => {
    shown.current.pages += 1;
    reload();
  }, [reload]);
  return { items: data?.items ?? null, error, reload, more: data?.next ? more : null };
}

async function firstPages<T>(path: string, pages: number, signal: AbortSignal): Promise<Page<T>> {
  const found: Page<T> = { items: [], next: null };
  for (let left = pages; left > 0; left--) {
    const page: Page<T> = await get<Page<T>>(found.next ? withCursor(path, found.next) : path, signal);
    found.items.push(...page.items);
    found.next = page.next ?? null;
    if (found.next === null) break;
  }
  return found;
}

/** Run one action at a time, and report its error. */
export function useAction(): { busy: boolean; error: string | null; run: (action: () => Promise<void>) => void; clear: () => void } {
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<string | null>(null);
  const run = useCallback((action: () => Promise<void>) => {
    setBusy(true);
    setError(null);
    action()
      .catch((problem: unknown) => setError(messageOf(problem)))
      .finally(() => setBusy(false));
  }, []);
  const clear = useCallback(() => setError(null), []);
  return { busy, error, run, clear };
}

/** A value that follows another once that has not changed for a while. */
export function useSettled<T>(value: T, after: number): T {
  const [settled, setSettled] = useState(value);
  useEffect(() => {
    const timer = setTimeout(() => setSettled(value), after);
    return () => clearTimeout(timer);
  }, [value, after]);
  return settled;
}

const NEWS_MS = 400;

/** Reload soon after the service reports changes that matter, once for any number of them. */
export function useNews(reload: () => void, matters: (news: News) => boolean = () => true): void {
  const timer = useRef<ReturnType<typeof setTimeout> | undefined>(undefined);
  const latest = useRef(matters);
  latest.current = matters;
  useEffect(() => {
    const stop = listen((news) => {
      if (!latest.current(news)) return;
      timer.current ??= setTimeout(() => {
        timer.current = undefined;
        reload();
      }, NEWS_MS);
    });
    return () => {
      stop();
      clearTimeout(timer.current);
      timer.current = undefined;
    };
  }, [reload]);
}
