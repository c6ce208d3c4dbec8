import { startTransition, useEffect, useState, useSyncExternalStore } from "react";
import { listen } from "../../api/events";
import type { Analysis } from "../../api/shapes";
import { useKnown } from "../../context";
import { ReviewStore } from "./store";

/**
 * The store of an analysis: created once, loaded, and closed on leaving.
 *
 * Where another one follows for the same cells, as after a signature, the cells of the last one are shown, without
 * taking answers, until the next has them.
 */
export function useReviewStore(analysis: Analysis | null, reading: string | null, editable: boolean, isTest = false): ReviewStore | null {
  const { taxonomy } = useKnown();
  const [store, setStore] = useState<ReviewStore | null>(null);
  // A new object for the same analysis (after progress or a signature) must not discard the cells.
  const key = analysis && `${analysis.id} ${analysis.locked} ${analysis.status}`;
  const isOfThese = store !== null && store.analysis.id === analysis?.id && store.reading === reading && store.isTest === isTest;
  useEffect(() => {
    if (!analysis) return undefined;
    let isLeft = false;
    const made = new ReviewStore(analysis, taxonomy, reading, editable, undefined, isTest);
    const put = (): void => {
      if (!isLeft) setStore(made);
    };
    if (!isOfThese || store.size === 0) put();
    void made.load().finally(put);
    const stop = listen((news) => {
      if (news.kind === "reconnected") made.others.heard(null);
      else if (news.kind === "analysis" && news.analysis.id === analysis.id) made.others.heard(news.analysis);
    });
    const leave = (): void => made.keepPlace();
    addEventListener("pagehide", leave);
    return () => {
      isLeft = true;
      stop();
      removeEventListener("pagehide", leave);
      made.close();
    };
  }, [key, reading, editable, isTest, taxonomy]);
  return isOfThese ? store : null;
}

/** Render again when the store changes. */
export function useStoreVersion(store: ReviewStore): number {
  return useSyncExternalStore(store.subscribe, store.snapshot);
}

const LATE_MS = 60;

/** Render again soon after the store changes, for parts that need not change with the keypress itself. */
export function useLateVersion(store: ReviewStore): number {
  const [version, setVersion] = useState(store.version);
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const later = (): void => {
      timer ??= setTimeout(() => {
        timer = undefined;
        startTransition(() => setVersion(store.version));
      }, LATE_MS);
    };
    later();
    const stop = store.subscribe(later);
    return () => {
      stop();
      clearTimeout(timer);
    };
  }, [store]);
  return version;
}

/** Loading state of the cells, as a string that changes only with the state. */
export function useLoading(store: ReviewStore): string {
  return useSyncExternalStore(store.subscribe, () => (store.loading ? "loading" : (store.error ?? "")));
}
