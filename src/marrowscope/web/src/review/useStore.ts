import { useEffect, useState, useSyncExternalStore } from "react";
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
