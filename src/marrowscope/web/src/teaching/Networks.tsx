import { useEffect, useState, type ReactNode } from "react";
import { get, post } from "../api/client";
import type { ActiveNetworks, NetworksChoice, Page, Teaching } from "../api/shapes";
import { useLoaded } from "../hooks";
import { Loading, Problem } from "../parts/basics";
import { ReasonDialog } from "../patient/ReasonDialog";
import { t, when } from "../strings";
import { ChooseCases } from "./ChooseCases";
import { PastTeachings } from "./PastTeachings";
import { Progress } from "./Progress";
import { Result } from "./Result";

const EVERY_MS = 1500; // while something is at work

/** The networks of new analyses, and teaching them the signed cases. */
export function Networks(): ReactNode {
  const active = useLoaded("active", (signal) => get<ActiveNetworks>("/networks/active", signal));
  const choices = useLoaded("choices", (signal) => get<Page<NetworksChoice>>("/networks/choices", signal));
  const teachings = useLoaded("teachings", (signal) => get<Page<Teaching>>("/teachings", signal));
  const latest = teachings.data?.items[0];
  const atWork = latest && (latest.status === "queued" || latest.status === "running") ? latest : null;
  const toDecide = latest?.status === "done" && latest.bundle && !latest.decision ? latest : null;
  const { reload } = teachings;
  useEffect(() => {
    if (!atWork) return undefined;
    const timer = setInterval(reload, EVERY_MS);
    return () => clearInterval(timer);
  }, [atWork !== null, reload]);
  const refresh = (): void => {
    active.reload();
    choices.reload();
    teachings.reload();
  };
  const networks = active.data;
  const past = teachings.data?.items.filter((one) => one !== atWork && one !== toDecide) ?? [];
  return (
    <>
      <Problem message={active.error ?? choices.error ?? teachings.error} />
      {networks || active.error ? null : <Loading />}
      {networks ? <Active networks={networks} choice={choices.data?.items[0] ?? null} onChange={refresh} /> : null}
      {atWork ? <Progress teaching={atWork} onChange={refresh} /> : null}
      {toDecide && networks ? <Result teaching={toDecide} networks={networks} onDecided={refresh} /> : null}
      {networks && teachings.data && !atWork && !toDecide && !networks.is_fixed ? <ChooseCases key={networks.sha256} onStarted={refresh} /> : null}
      {past.length > 0 ? <PastTeachings teachings={past} /> : null}
    </>
  );
}

function Active({ networks, choice, onChange }: { networks: ActiveNetworks; choice: NetworksChoice | null; onChange: () => void }): ReactNode {
  const [back, setBack] = useState<string | null>(null);
  const chosen = choice ? t.teaching.active.chosen(choice.by, when(choice.at), choice.reason) : t.teaching.active.builtIn;
  return (
    <section className="card padded stack" aria-labelledby="active-networks">
      <div className="row">
        <h2 id="active-networks" className="grow">
          {t.teaching.active.title}
        </h2>
        {networks.previous && !networks.is_fixed ? (
          <button type="button" className="button compact" onClick={() => setBack(networks.previous)}>
            {t.teaching.active.goBack(networks.previous)}
          </button>
        ) : null}
      </div>
      <p>
        <strong data-testid="active-networks">{networks.title}</strong>{" "}
        <span className="faint small" title={networks.sha256}>
          {networks.sha256.slice(0, 12)}
        </span>
      </p>
      <p className="small soft">{networks.is_fixed ? t.teaching.active.fixed : chosen}</p>
      <p className="small soft">{networks.is_validated ? t.teaching.active.validated : t.teaching.active.notValidated}</p>
      {back ? (
        <ReasonDialog
          title={t.teaching.active.goBack(back)}
          lead={t.teaching.active.goBackLead}
          label={t.teaching.active.reason}
          submit={t.teaching.active.goBack(back)}
          onClose={() => setBack(null)}
          onSubmit={async (reason) => {
            await post("/networks/choices", { bundle: back, reason });
            setBack(null);
            onChange();
          }}
        />
      ) : null}
    </section>
  );
}
