import { useState, type ReactNode } from "react";
import { useKnown } from "../context";
import { t } from "../strings";
import { useRequests, waitingFor } from "./ofPatient";
import { RequestCard } from "./RequestCard";

/** Requests about this patient that wait for the user; open at once for who came by a request's link. */
export function WaitingStrip({ isOpen }: { isOpen: boolean }): ReactNode {
  const { user } = useKnown();
  const { items, reload } = useRequests();
  const [open, setOpen] = useState(isOpen);
  const { toMe, answered } = waitingFor(user.username, items);
  if (toMe.length + answered.length === 0) return null;
  return (
    <div className="strip plain tall" data-testid="waiting">
      <div className="row">
        <strong>{t.requests.here(toMe.length, answered.length)}</strong>
        <button type="button" className="button compact" aria-expanded={open} onClick={() => setOpen(!open)}>
          {open ? t.hide : t.show}
        </button>
      </div>
      {open ? (
        <div className="request-list">
          {[...toMe, ...answered].map((one) => (
            <RequestCard key={one.id} request={one} isOfPatient onChanged={reload} />
          ))}
        </div>
      ) : null}
    </div>
  );
}
