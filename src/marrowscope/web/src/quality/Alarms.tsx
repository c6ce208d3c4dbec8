import type { ReactNode } from "react";
import { get } from "../api/client";
import type { News } from "../api/events";
import type { Control, Page } from "../api/shapes";
import { useLoaded, useNews } from "../hooks";
import { Link } from "../parts/basics";
import { t } from "../strings";

/** An analysis that ends may be an occasion of a control slide. */
export const mayBeOccasion = (news: News): boolean => news.kind !== "analysis" || news.analysis.status === "done";

/** What has drifted, for everybody who opens the worklist. */
export function Alarms(): ReactNode {
  const alarms = useLoaded("alarms", (signal) => get<Page<Control>>("/alarms", signal));
  const { reload } = alarms;
  useNews(reload, mayBeOccasion);
  return alarms.data?.items.map((control) => (
    <div key={control.id} className="alarm" role="status" data-testid="alarm">
      <span className="grow">{t.quality.alarm(control.name, control.causes.map((cause) => t.quality.drifted[cause]).join("; "))}</span>
      <Link to={`/quality/controls/${control.id}`} className="button compact">
        {t.quality.look}
      </Link>
    </div>
  ));
}
