import { useEffect, type ReactNode } from "react";
import { get } from "../api/client";
import { listen } from "../api/events";
import type { Control, Page } from "../api/shapes";
import { useLoaded } from "../hooks";
import { Link } from "../parts/basics";
import { t } from "../strings";

/** What has drifted, for everybody who opens the worklist. */
export function Alarms(): ReactNode {
  const alarms = useLoaded("alarms", (signal) => get<Page<Control>>("/alarms", signal));
  const { reload } = alarms;
  // An analysis that ends may be an occasion of a control slide.
  useEffect(() => listen((news) => news.kind !== "analysis" || news.analysis.status === "done" ? reload() : undefined), [reload]);
  return alarms.data?.items.map((control) => (
    <div key={control.id} className="alarm" role="status" data-testid="alarm">
      <span className="grow">{t.quality.alarm(control.name, control.causes.map((cause) => t.quality.drifted[cause]).join("; "))}</span>
      <Link to={`/quality/controls/${control.id}`} className="button compact">
        {t.quality.look}
      </Link>
    </div>
  ));
}
