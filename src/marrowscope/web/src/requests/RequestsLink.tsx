import type { ReactNode } from "react";
import { get } from "../api/client";
import type { WaitingRequests } from "../api/shapes";
import { useLoaded, useNews } from "../hooks";
import { Link } from "../parts/basics";
import { t } from "../strings";
import { isAboutPatients } from "./ofPatient";

/** The way to the requests, with how many of them wait for the user. */
export function RequestsLink({ current }: { current: boolean }): ReactNode {
  const waiting = useLoaded("waiting requests", (signal) => get<WaitingRequests>("/requests/waiting", signal));
  useNews(waiting.reload, isAboutPatients);
  const count = (waiting.data?.asked ?? 0) + (waiting.data?.answered ?? 0);
  return (
    <Link to="/requests" current={current}>
      <span aria-hidden="true">{t.requests.title}</span>
      <span className="hidden-text">{t.requests.waiting(count)}</span>
      {count > 0 ? (
        <span className="badge" aria-hidden="true" data-testid="waiting-count">
          {count}
        </span>
      ) : null}
    </Link>
  );
}
