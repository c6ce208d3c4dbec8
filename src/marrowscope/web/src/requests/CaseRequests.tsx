import type { ReactNode } from "react";
import { t } from "../strings";
import { useRequests } from "./ofPatient";
import { RequestCard } from "./RequestCard";

/** All requests about a patient, and a way to make one about a field or the whole case. */
export function CaseRequests(): ReactNode {
  const { items, reload, ask } = useRequests();
  if (!ask && items.length === 0) return null;
  return (
    <section className="stack tight" aria-label={t.requests.of}>
      <div className="row">
        <h3 className="grow">{t.requests.of}</h3>
        {ask ? (
          <button type="button" className="button compact" onClick={() => ask({})}>
            {t.requests.ask}
          </button>
        ) : null}
      </div>
      {items.length === 0 ? <p className="soft small">{t.requests.noneOf}</p> : null}
      {items.map((one) => (
        <RequestCard key={one.id} request={one} isOfPatient onChanged={reload} />
      ))}
    </section>
  );
}
