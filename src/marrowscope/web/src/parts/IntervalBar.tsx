import type { ReactNode } from "react";
import type { Decision } from "../api/shapes";
import { t } from "../strings";

/** The share that decides, with its interval and the threshold; every bar spans 0 to 100 %. Without one, a bare axis. */
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
  const at = (value: number): string => `${value}%`;
  return (
    <div>
      <div className={`interval ${props.decision}`} role="img" aria-label={percent === null ? t.differential.nothingDecides : t.differential.barLabel(t.percent(percent), t.interval(low, high), props.condition)}>
        <div className="track" />
        {low !== null && high !== null ? <div className="range" style={{ left: at(low), width: at(high - low) }} /> : null}
        {percent !== null ? <div className="point" style={{ left: at(percent) }} /> : null}
        <div className="limit" style={{ left: at(threshold) }} />
      </div>
      {props.scale ? <IntervalScale /> : null}
    </div>
  );
}

/** The axis of all bars. */
export function IntervalScale(): ReactNode {
  return (
    <div className="interval-scale" aria-hidden="true">
      <span>0</span>
      <span>50</span>
      <span>100 %</span>
    </div>
  );
}
