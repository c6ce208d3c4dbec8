import { useState, type KeyboardEvent, type ReactNode } from "react";
import { number } from "../locale";

export interface Mark {
  key: string;
  /** What the point is, for those who do not see the chart. */
  label: string;
  value: number;
  low: number | null;
  high: number | null;
  isOut: boolean;
  /** Written above the point: from here on something is different. */
  change: string | null;
}

const WIDTH = 720;
const HEIGHT = 220;
const LEFT = 52;
const RIGHT = 12;
const TOP = 22;
const BOTTOM = 12;

/** Values over time, with a centre line and limits or with an interval each. Arrow keys go from value to value. */
export function TimeChart(props: {
  label: string;
  marks: Mark[];
  centre: number | null;
  /** Whether `low` and `high` are the value's own interval, not limits. */
  isInterval?: boolean;
  digits: number;
  at: number;
  onAt: (at: number) => void;
}): ReactNode {
  const { marks, centre, at } = props;
  const [isFocused, setFocused] = useState(false);
  const numbers = marks.flatMap((mark) => [mark.value, mark.low, mark.high]).concat(centre).filter((one) => one !== null);
  const [least, most] = [Math.min(...numbers), Math.max(...numbers)];
  const room = (most - least || Math.abs(most) || 1) * 0.08;
  const [bottom, top] = [least - room, most + room];
  const x = (index: number): number => LEFT + ((index + 0.5) * (WIDTH - LEFT - RIGHT)) / Math.max(marks.length, 1);
  const y = (value: number): number => TOP + ((top - value) / (top - bottom)) * (HEIGHT - TOP - BOTTOM);
  const keyDown = (event: KeyboardEvent): void => {
    const to = { ArrowLeft: at - 1, ArrowRight: at + 1, ArrowDown: at - 1, ArrowUp: at + 1, Home: 0, End: marks.length - 1 }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    props.onAt(Math.min(Math.max(to, 0), marks.length - 1));
  };
  if (marks.length === 0) return null;
  return (
    <div
      className="time-chart"
      role="slider"
      tabIndex={0}
      aria-label={props.label}
      aria-valuemin={1}
      aria-valuemax={marks.length}
      aria-valuenow={at + 1}
      aria-valuetext={marks[at]?.label}
      onKeyDown={keyDown}
      onFocus={() => setFocused(true)}
      onBlur={() => setFocused(false)}
    >
      <svg viewBox={`0 0 ${WIDTH} ${HEIGHT}`} aria-hidden="true">
        {[least, ...(centre === null ? [] : [centre]), most].map((value, index) => (
          <text key={index} x={LEFT - 6} y={y(value) + 4} textAnchor="end">
            {number(value, props.digits)}
          </text>
        ))}
        {props.isInterval ? null : <Band marks={marks} x={x} y={y} />}
        {centre === null ? null : <line className="centre" x1={LEFT} x2={WIDTH - RIGHT} y1={y(centre)} y2={y(centre)} />}
        <polyline className="run" points={marks.map((mark, index) => `${x(index)},${y(mark.value)}`).join(" ")} />
        {marks.map((mark, index) =>
          mark.change === null ? null : (
            <g key={mark.key} className="change">
              <line x1={x(index)} x2={x(index)} y1={TOP} y2={HEIGHT - BOTTOM} />
              {isNearChange(marks, index) ? null : (
                <text x={x(index)} y={TOP - 8} textAnchor={index > marks.length / 2 ? "end" : "start"}>
                  {mark.change}
                </text>
              )}
            </g>
          ),
        )}
        {marks.map((mark, index) => (
          <g key={mark.key} className={`value${mark.isOut ? " out" : ""}${index === at ? " at" : ""}`} onClick={() => props.onAt(index)}>
            {props.isInterval && mark.low !== null && mark.high !== null ? <line x1={x(index)} x2={x(index)} y1={y(mark.low)} y2={y(mark.high)} /> : null}
            <circle className="hit" cx={x(index)} cy={y(mark.value)} r={10} />
            {mark.isOut ? <path d={`M${x(index)} ${y(mark.value) - 7}l7 7l-7 7l-7-7z`} /> : <circle cx={x(index)} cy={y(mark.value)} r={4} />}
            {index === at && isFocused ? <circle className="ring" cx={x(index)} cy={y(mark.value)} r={10} /> : null}
          </g>
        ))}
      </svg>
    </div>
  );
}

/** Whether something else has changed just before, so that both names would overlap. */
function isNearChange(marks: Mark[], index: number): boolean {
  const near = Math.ceil(marks.length / 4);
  return marks.slice(Math.max(0, index - near), index).some((mark) => mark.change !== null);
}

/** Between the limits, which follow the number of cells. */
function Band({ marks, x, y }: { marks: Mark[]; x: (index: number) => number; y: (value: number) => number }): ReactNode {
  const known = marks.flatMap((mark, index) => (mark.low === null || mark.high === null ? [] : [{ index, low: mark.low, high: mark.high }]));
  if (known.length === 0) return null;
  const upper = known.map((one) => `${x(one.index)},${y(one.high)}`);
  const lower = known.map((one) => `${x(one.index)},${y(one.low)}`);
  return (
    <>
      <polygon className="band" points={[...upper, ...[...lower].reverse()].join(" ")} />
      <polyline className="limit" points={upper.join(" ")} />
      <polyline className="limit" points={lower.join(" ")} />
    </>
  );
}
