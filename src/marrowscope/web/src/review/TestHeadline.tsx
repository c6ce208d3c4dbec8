import type { ReactNode } from "react";
import { Meter } from "../parts/basics";
import { t } from "../strings";
import { isOpen } from "./state/arrange";
import type { ReviewStore } from "./state/store";
import { useLateVersion } from "./state/useStore";

/** How far a learner is, in place of the count, which would tell what the cells were named. */
export function TestHeadline({ store }: { store: ReviewStore }): ReactNode {
  useLateVersion(store);
  const named = [...store.all].filter((cell) => !isOpen(cell)).length;
  return (
    <section aria-live="polite" data-testid="test-progress">
      <Meter value={named / Math.max(store.size, 1)} label={t.proficiency.progress(named, store.size)} />
      <p className="small">{t.proficiency.progress(named, store.size)}</p>
    </section>
  );
}
