import type { ReactNode } from "react";
import type { Request } from "../api/shapes";
import { useNews, usePages } from "../hooks";
import { Loading, Problem } from "../parts/basics";
import { More } from "../parts/lists";
import { isAboutPatients } from "../requests/ofPatient";
import { RequestCard } from "../requests/RequestCard";
import { t } from "../strings";

/** What colleagues ask the user, and what the user asked them. */
export function Requests(): ReactNode {
  return (
    <div className="page">
      <h1>{t.requests.title}</h1>
      <p className="soft">{t.requests.lead}</p>
      <Box box="asked" title={t.requests.toMe} none={t.requests.noneToMe} />
      <Box box="asking" title={t.requests.byMe} none={t.requests.noneByMe} />
    </div>
  );
}

function Box({ box, title, none }: { box: "asked" | "asking"; title: string; none: string }): ReactNode {
  const { items, error, reload, more } = usePages<Request>(`/requests?box=${box}`);
  useNews(reload, isAboutPatients);
  return (
    <section className="stack tight" aria-label={title}>
      <h2>{title}</h2>
      <Problem message={error} />
      {items || error ? null : <Loading />}
      {items?.length === 0 ? <p className="soft">{none}</p> : null}
      {items?.map((one) => <RequestCard key={one.id} request={one} onChanged={reload} />)}
      <More more={more} />
    </section>
  );
}
