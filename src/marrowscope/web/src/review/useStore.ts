import { startTransition, useEffect, useState, useSyncExternalStore } from "react";
import type { Analysis } from "../api/shapes";
import { useKnown } from "../context";
import { ReviewStore } from "./store";

/** The store of an analysis: made once, loaded, closed when one leaves. */
export function useReviewStore(analysis: Analysis, reading: string | null, editable: boolean): ReviewStore | null {
  const { taxonomy } = useKnown();
  const [store, setStore] = useState<ReviewStore | null>(null);
  // A new analysis object of the same analysis (progress, a signature) must not throw the cells away.
  const key = `${analysis.id} ${analysis.locked} ${analysis.status}`;
  useEffect(() => {
    const made = new ReviewStore(analysis, taxonomy, reading, editable);
    setStore(made);
    void made.load();
    return () => made.close();
  }, [key, reading, editable, taxonomy]);
  return store;
}

/** Draw again whenever the store changes. */
export function useStoreVersion(store: ReviewStore): number {
  return useSyncExternalStore(store.subscribe, store.snapshot);
}

const LATE_MS = 60;

/** Draw again soon after the store changes: for what need not be painted with the keypress itself. */
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

/** Whether the cells are there, as words that change only when that does. */
export function useLoading(store: ReviewStore): string {
  return useSyncExternalStore(store.subscribe, () => (store.loading ? "loading" : (store.error ?? "")));
}
