/** Lists that are loaded page by page. */
import type { ReactNode } from "react";
import { t } from "../strings";

/** A button for the next page of a list; nothing after the last one. */
export function More({ more }: { more: (() => void) | null }): ReactNode {
  return more ? (
    <div>
      <button type="button" className="button" onClick={more}>
        {t.worklist.more}
      </button>
    </div>
  ) : null;
}
