import { memo, type ReactNode } from "react";
import type { Count, Differential } from "../api/shapes";
import { thresholdOf, useKnown, useTypes } from "../context";
import { number, range } from "../locale";
import { DecisionPill, Loading, Meter } from "../parts/basics";
import { IntervalBar } from "../parts/IntervalBar";
import { lookUp, t } from "../strings";
import { SUGGESTED, type ReviewStore } from "./state/store";
import { useLateVersion } from "./state/useStore";

/** State of the count: share, interval, decision, and progress towards the target. */
export const Headline = memo(function Headline({ store }: { store: ReviewStore }): ReactNode {
  useLateVersion(store);
  const { settings } = useKnown();
  const { differential } = store;
  if (!differential) return store.error === null && store.hasCount ? <Loading /> : null;
  const { reviewed } = differential;
  const threshold = thresholdOf(settings, reviewed.rule);
  const open = store.counts.get(SUGGESTED) ?? 0;
  return (
    <section aria-live="polite" data-testid="differential">
        <div className="headline">
          <span className="soft">{t.differential.blasts}</span>
          <span className="big" data-testid="blast-percent">
            {t.percent(reviewed.blast_percent)}
          </span>
          <span className="soft">{t.differential.countedShare}</span>
        </div>
        <div className="row">
          <DecisionPill decision={reviewed.decision} />
          <span className="small faint">{t.served.band(reviewed.band) || threshold.condition}</span>
        </div>
        <p className="small">{t.served.why(reviewed, differential.floor, number(threshold.percent))}</p>
        {reviewed.limits.map((limit) => (
          <p key={limit} className="small notice" lang="en">
            {limit}
          </p>
        ))}
        <IntervalBar percent={reviewed.adjusted_percent} low={reviewed.adjusted_low} high={reviewed.adjusted_high} threshold={threshold.percent} condition={threshold.condition} decision={reviewed.decision} scale />
        <Meter value={reviewed.counted / differential.target} label={t.differential.counted(reviewed.counted, differential.target)} />
        <p className="small">
          {t.differential.counted(reviewed.counted, differential.target)} · {t.differential.reviewedCells(differential.reviewed_cells)}
        </p>
        <LotProgress {...differential.lot} />
        {store.isSigned ? null : (
          <button type="button" className="button compact" disabled={open === 0} onClick={() => store.show(SUGGESTED)}>
            {open === 0 ? t.differential.allSuggested : t.differential.suggested(open)}
          </button>
        )}
    </section>
  );
});

/** How far the cells drawn by lot are reviewed, until their share decides. */
function LotProgress({ answered, wanted }: Differential["lot"]): ReactNode {
  if (wanted === 0) return null;
  const words = t.differential.lot(answered, wanted);
  return (
    <div className="row small" data-testid="lot" title={t.rail.lotWhy}>
      <span>{words}</span>
      <span className="grow">
        <Meter value={answered / wanted} label={words} />
      </span>
    </div>
  );
}

/** The count of each type, reviewed and by the networks, and the reasons for the decision. */
export const DifferentialPanel = memo(function DifferentialPanel({ store }: { store: ReviewStore }): ReactNode {
  useLateVersion(store);
  const { differential } = store;
  if (!differential) return null;
  const { reviewed, model } = differential;
  return (
    <>
      <section>
        <h2>{t.differential.title}</h2>
        <Rows reviewed={reviewed} model={model} />
        <p className="small soft">
          {reviewed.erythroblasts_per_100 === null
            ? `${t.differential.meRatio} ${reviewed.me_ratio === null || !reviewed.me_cells ? t.unavailable : t.differential.meCells(reviewed.me_ratio, reviewed.me_cells.myeloid, reviewed.me_cells.erythroid)}`
            : `${t.differential.per100} ${number(reviewed.erythroblasts_per_100, 1)}`}
        </p>
      </section>
      <section>
        <h2>{t.differential.reasons}</h2>
        <ul className="reasons">
          {reviewed.reasons.map((reason) => (
            <li key={reason} lang="en">{reason}</li>
          ))}
          {reviewed.more_cells === null ? null : <li>{(reviewed.decision === "insufficient" ? t.differential.tooFew : t.differential.more)(reviewed.more_cells)}</li>}
        </ul>
        <Others reviewed={reviewed} model={model} differential={differential} />
      </section>
    </>
  );
});

function Others({ reviewed, model, differential }: { reviewed: Count; model: Count; differential: Differential }): ReactNode {
  const { settings } = useKnown();
  const title = (rule: string): string => settings.rules.find((one) => one.id === rule)?.title ?? rule;
  const { inferred } = differential;
  return (
    <>
      <h3>{t.differential.model}</h3>
      <div className="row wrap small">
        <strong className="number">{t.percent(model.blast_percent)}</strong>
        <span className="soft">{t.interval(model.ci_low, model.ci_high)}</span>
        <DecisionPill decision={model.decision} />
      </div>
      <h3>{t.differential.shares}</h3>
      {reviewed.shares.map((share) => (
        <div key={share.title} className="row wrap small">
          <span className="grow">{lookUp(t.served.shares, share.title) ?? share.title}</span>
          <strong className="number">{t.percent(share.percent)}</strong>
          <span className="soft">
            {t.interval(share.low, share.high)}
            {share.decides ? ` ${t.differential.decides}` : ""}
          </span>
        </div>
      ))}
      {inferred ? (
        <>
          <h3>{t.differential.inferred}</h3>
          <p className="small">
            <strong>{t.percent(inferred.percent)}</strong> <span className="soft">{t.interval(inferred.ci_low, inferred.ci_high)} {t.differential.inferredCells(inferred.cells)}</span>
          </p>
          {inferred.warnings.map((warning) => (
            <p key={warning} className="small notice" lang="en">
              {warning}
            </p>
          ))}
        </>
      ) : null}
      {reviewed.alternatives.length > 0 ? <h3>{t.differential.alternatives}</h3> : null}
      {reviewed.alternatives.map((one) => (
        <div key={one.rule} className="row small" title={one.reasons.join(" ")}>
          <span className="grow">{title(one.rule)}</span>
          <DecisionPill decision={one.decision} />
        </div>
      ))}
    </>
  );
}

function Rows({ reviewed, model }: { reviewed: Count; model: Count }): ReactNode {
  const types = useTypes();
  const modelCount = new Map([...model.rows, ...model.excluded].map((row) => [row.type, row.count]));
  const known = new Set([...reviewed.rows, ...reviewed.excluded].map((row) => row.type));
  const order = [...types.keys()];
  const gone = [...modelCount].filter(([type, count]) => !known.has(type) && count > 0).map(([type]) => ({ type, count: 0, percent: 0, ci_low: null, ci_high: null }));
  const isCounted = (type: string): boolean => !(type in t.differential.leftOut) && (types.get(type)?.is_counted ?? true);
  const rows = [...reviewed.rows, ...gone.filter((row) => isCounted(row.type))].filter((row) => row.count > 0 || (modelCount.get(row.type) ?? 0) > 0);
  rows.sort((a, b) => order.indexOf(a.type) - order.indexOf(b.type));
  const excluded = [...reviewed.excluded, ...gone.filter((row) => !isCounted(row.type))].filter((row) => row.count > 0 || (modelCount.get(row.type) ?? 0) > 0);
  const line = (type: string, count: number, percent: number | null, interval: string): ReactNode => {
    const shape = types.get(type);
    const net = modelCount.get(type) ?? 0;
    return (
      <tr key={type} className={`${shape?.is_blast ? "blast" : ""}${net !== count ? " moved" : ""}`}>
        <td>
          <span className="swatch" style={{ background: shape?.colour }} />
          {shape?.name ?? t.differential.leftOut[type] ?? type}
        </td>
        <td>{number(count)}</td>
        <td>{percent === null ? "" : number(percent, 1)}</td>
        <td className="faint">{interval}</td>
        <td className="faint net">{number(net)}</td>
      </tr>
    );
  };
  return (
    <table className="diff-table">
      <thead>
        <tr>
          <th scope="col">{t.differential.type}</th>
          <th scope="col">{t.differential.count}</th>
          <th scope="col">{t.differential.share}</th>
          <th scope="col">{t.differential.interval}</th>
          <th scope="col" title={t.differential.model}>
            {t.differential.modelCount}
          </th>
        </tr>
      </thead>
      <tbody>
        {rows.map((row) => line(row.type, row.count, row.percent, row.ci_low === null || row.ci_high === null ? "" : range(row.ci_low, row.ci_high, 0)))}
        <tr>
          <td>
            <strong>{t.rail.counted}</strong>
          </td>
          <td>
            <strong>{number(reviewed.counted)}</strong>
          </td>
          <td />
          <td />
          <td className="faint">{number(model.counted)}</td>
        </tr>
        {excluded.length > 0 ? (
          <tr>
            <th colSpan={5} scope="colgroup">
              {t.rail.uncounted}
            </th>
          </tr>
        ) : null}
        {excluded.map((row) => line(row.type, row.count, null, ""))}
      </tbody>
    </table>
  );
}
