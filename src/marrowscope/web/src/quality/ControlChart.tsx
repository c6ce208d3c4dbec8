import { useState, type ReactNode } from "react";
import type { Chart, ControlDetail, Occasion, Point } from "../api/shapes";
import { useTypes } from "../context";
import { number, range } from "../locale";
import { Table } from "../parts/lists";
import { t, when } from "../strings";
import { TimeChart, type Mark } from "./TimeChart";

const SCALE = "scale";

/** The key of a chart: whose it is, and what it measures. */
export const keyOf = (chart: Chart): string => `${chart.reader ?? "*"}:${chart.measure}`;

export const readerOf = (chart: Chart): string => (chart.reader === null ? t.quality.images : chart.reader || t.quality.networks);

export function useMeasure(): (measure: string) => string {
  const types = useTypes();
  return (measure) => (measure === SCALE ? t.upload.scale : (t.quality.measures[measure] ?? t.quality.share(types.get(measure)?.name ?? measure)));
}

/** Digits that tell a figure's values apart. */
const digitsOf = (chart: Chart): number => (chart.measure === SCALE ? 4 : chart.measure === "sharpness" ? 3 : 1);

/** One chart of a control slide, with the table of its values beside it. */
export function ControlChart({ control, chart }: { control: ControlDetail; chart: Chart }): ReactNode {
  const [at, setAt] = useState(chart.points.length - 1);
  const nameOf = useMeasure();
  const occasions = new Map(control.seen.map((occasion) => [occasion.analysis_id, occasion]));
  const digits = digitsOf(chart);
  const label = `${readerOf(chart)}, ${nameOf(chart.measure)}`;
  const marks = marksOf(chart, occasions, digits);
  return (
    <div className="chart-and-table">
      <figure>
        <figcaption>
          <strong>{label}</strong>
          {chart.no_limits ? <span className="soft"> {t.quality.noLimits[chart.no_limits](chart.missing)}</span> : null}
        </figcaption>
        <TimeChart label={`${label}. ${t.quality.chartHelp}`} marks={marks} centre={chart.centre} digits={digits} at={at} onAt={setAt} />
        <p className="small" data-testid="point">
          {marks[at]?.label}
        </p>
      </figure>
      <div className="values" tabIndex={0} role="group" aria-label={label}>
        <Table heads={[t.quality.when, { number: t.quality.value }, chart.reader !== null && { number: t.quality.cells }, { number: t.quality.limits }, t.quality.rule]}>
          {chart.points.map((point, index) => (
            <tr key={point.analysis_id} className={index === at ? "at" : ""} onClick={() => setAt(index)}>
              <td>{when(occasions.get(point.analysis_id)?.at)}</td>
              <td className="number">{number(point.value, digits)}</td>
              {point.counted === null ? null : <td className="number">{t.of(point.cells ?? 0, point.counted)}</td>}
              <td className="number">{limitsOf(point, digits)}</td>
              <td className={point.signal && !point.acknowledged ? "error" : "soft"}>{point.sets_limits ? t.quality.setsLimits : told(point)}</td>
            </tr>
          ))}
        </Table>
      </div>
    </div>
  );
}

function marksOf(chart: Chart, occasions: Map<string, Occasion>, digits: number): Mark[] {
  let bundle: string | null = null;
  return chart.points.map((point) => {
    const occasion = occasions.get(point.analysis_id);
    const isOther = chart.reader === "" && bundle !== null && occasion !== undefined && occasion.bundle_sha256 !== bundle;
    bundle = occasion?.bundle_sha256 ?? bundle;
    const limits = limitsOf(point, digits);
    return {
      key: point.analysis_id,
      label: [when(occasion?.at), occasion?.patient ?? "", number(point.value, digits), limits && `${t.quality.limits} ${limits}`, told(point)].filter(Boolean).join(" · "),
      value: point.value,
      low: point.low,
      high: point.high,
      isOut: point.rules.length > 0,
      change: isOther ? t.quality.bundleChange(occasion.bundle) : null,
    };
  });
}

function limitsOf(point: Point, digits: number): string {
  return point.low === null || point.high === null ? "" : range(point.low, point.high, digits);
}

function told(point: Point): string {
  const causes = point.causes.map((cause) => t.quality.causes[cause]).join(", ");
  return point.rules.length === 0 ? "" : `${causes}: ${point.rules.map((rule) => t.quality.rules[rule]).join("; ")}`;
}
