import type { ReactNode } from "react";
import type { Decision } from "../api/shapes";
import { t } from "../strings";

/** The blast share with its interval and the threshold. */
export function IntervalBar(props: {
  percent: number | null;
  low: number | null;
  high: number | null;
  threshold: number;
  condition: string;
  decision: Decision;
  scale?: boolean;
}): ReactNode {
  const { percent, low, high, threshold } = props;
  // The axis ends at a round number beyond both the interval and the threshold.
  const end = Math.min(100, Math.max(40, Math.ceil(Math.max(high ?? 0, threshold * 2) / 10) * 10));
  const at = (value: number): string => `${Math.min(100, (100 * value) / end)}%`;
  return (
    <div>
      <div className={`interval ${props.decision}`} role="img" aria-label={t.differential.barLabel(t.percent(percent), t.interval(low, high), props.condition)}>
        <div className="track" />
        {low !== null && high !== null ? <div className="range" style={{ left: at(low), width: at(high - low) }} /> : null}
        {percent !== null ? <div className="point" style={{ left: at(percent) }} /> : null}
        <div className="limit" style={{ left: at(threshold) }} />
      </div>
      {props.scale ? (
        <div className="interval-scale" aria-hidden="true">
          <span>0</span>
          <span>{end / 2}</span>
          <span>{end} %</span>
        </div>
      ) : null}
    </div>
  );
}
