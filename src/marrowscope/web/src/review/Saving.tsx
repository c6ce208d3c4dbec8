import type { ReactNode } from "react";
import { useTypes } from "../context";
import { focusHomeAfterButton } from "../parts/focus";
import { t } from "../strings";
import type { ReviewStore } from "./state/store";
import { useStoreVersion } from "./state/useStore";

/** A prominent strip about unsaved changes; nothing if all are saved. */
export function Saving({ store, onResolve }: { store: ReviewStore; onResolve: () => void }): ReactNode {
  useStoreVersion(store);
  const { outbox } = store;
  if (outbox.state === "saved" || outbox.state === "saving") {
    return (
      <>
        <span className="hidden-text" role="status">
          {outbox.state === "saved" ? t.saving.saved : t.saving.saving(outbox.size)}
        </span>
        {outbox.state === "saving" ? <div className="meter waiting late" role="progressbar" aria-label={t.saving.saving(outbox.size)} /> : null}
      </>
    );
  }
  const retry = (
    <button type="button" className="button compact" onClick={() => outbox.retry()}>
      {t.retry}
    </button>
  );
  return (
    <div className="strip" role="alert" onClick={focusHomeAfterButton}>
      {outbox.state === "offline" ? (
        <>
          <span className="grow">{t.saving.offline(outbox.size)}</span>
          {retry}
        </>
      ) : outbox.state === "conflict" ? (
        <>
          <span className="grow">{t.saving.conflict(outbox.conflicts.size)}</span>
          <button type="button" className="button compact primary" onClick={onResolve}>
            {t.saving.resolve}
          </button>
        </>
      ) : (
        <>
          <span className="grow">{t.saving.refused(outbox.size, outbox.message ?? "")}</span>
          {retry}
          <button
            type="button"
            className="button compact danger"
            onClick={() => {
              outbox.drop();
              store.refresh().catch(() => undefined);
            }}
          >
            {t.saving.drop}
          </button>
        </>
      )}
    </div>
  );
}

/** What a key found, or what somebody else has just changed. */
export function Notice({ store, text }: { store: ReviewStore; text: string | null }): ReactNode {
  useStoreVersion(store);
  const types = useTypes();
  const { news } = store.others;
  const who = [...new Set(news.map((cell) => cell.reviewed_by).filter((name) => name !== null))].join(", ");
  const only = news.length === 1 ? news[0] : undefined;
  const told = news.length === 0 ? text : t.saving.others(news.length, who, only ? (only.deleted ? t.gallery.struck : (types.get(only.type)?.name ?? only.type)) : null);
  return told ? (
    <div className="strip plain" role="status">
      {told}
    </div>
  ) : null;
}
