import { useEffect, useLayoutEffect, useRef, useState, useSyncExternalStore, type ReactNode } from "react";
import { focusHome } from "../parts/focus";
import { t } from "../strings";
import { goTo, step, STEPS, subscribe } from "./tour";

const GAP = 12;
const WAIT_MS = 100;

/** One step after the other over the real page: a part of it is framed, and a card beside it says what it is for. */
export function Tour(): ReactNode {
  const current = useSyncExternalStore(subscribe, step);
  const stop = current === null ? undefined : STEPS[current];
  const words = stop && t.tour.steps[stop.name];
  const card = useRef<HTMLDivElement>(null);
  const area = useArea(stop?.target ?? null);
  const [place, setPlace] = useState<{ left: number; top: number } | null>(null);
  useLayoutEffect(() => {
    if (area && card.current) setPlace(beside(area, card.current.getBoundingClientRect()));
  }, [area, current]);
  useEffect(() => card.current?.querySelector<HTMLElement>(".primary")?.focus(), [current, area === null]);
  if (!stop || current === null || !area) return null;
  const end = (): void => {
    goTo(null);
    focusHome();
  };
  const last = current === STEPS.length - 1;
  return (
    <>
      <div className="tour-frame" style={{ left: area.left - 4, top: area.top - 4, width: area.width + 8, height: area.height + 8 }} />
      <div
        ref={card}
        className="tour-card"
        role="dialog"
        aria-labelledby="tour-title"
        aria-describedby="tour-text"
        style={place ?? { left: 0, top: 0 }}
        onKeyDown={(event) => {
          event.stopPropagation();
          if (event.key === "Escape") end();
          else if (event.key === "ArrowRight" && !last) goTo(current + 1);
          else if (event.key === "ArrowLeft" && current > 0) goTo(current - 1);
        }}
      >
        <h2 id="tour-title">{words?.title}</h2>
        <p id="tour-text">{words?.text}</p>
        <div className="row">
          <span className="small faint grow">{t.of(current + 1, STEPS.length)}</span>
          {current > 0 ? (
            <button type="button" className="button compact" onClick={() => goTo(current - 1)}>
              {t.tour.back}
            </button>
          ) : null}
          {last ? null : (
            <button type="button" className="button quiet compact" onClick={end}>
              {t.tour.end}
            </button>
          )}
          <button type="button" className="button primary compact" onClick={() => (last ? end() : goTo(current + 1))}>
            {last ? t.tour.done : t.tour.next}
          </button>
        </div>
      </div>
    </>
  );
}

/** Where an element is, once it is there; follows the window's size. */
function useArea(selector: string | null): DOMRect | null {
  const [area, setArea] = useState<DOMRect | null>(null);
  useEffect(() => {
    setArea(null);
    if (selector === null) return undefined;
    const look = (): void => {
      const found = document.querySelector(selector)?.getBoundingClientRect();
      if (found) setArea((now) => (now && same(now, found) ? now : found));
    };
    look();
    const timer = setInterval(look, WAIT_MS);
    return () => clearInterval(timer);
  }, [selector]);
  return area;
}

const same = (a: DOMRect, b: DOMRect): boolean => a.left === b.left && a.top === b.top && a.width === b.width && a.height === b.height;

/** Beside an area if there is room, else over its lower end; always within the window. */
function beside(area: DOMRect, card: DOMRect): { left: number; top: number } {
  const right = area.right + GAP + card.width < innerWidth;
  const left = area.left - GAP - card.width > 0;
  const x = right ? area.right + GAP : left ? area.left - GAP - card.width : area.left + (area.width - card.width) / 2;
  const y = right || left ? area.top : area.bottom + GAP + card.height < innerHeight ? area.bottom + GAP : area.bottom - card.height - GAP;
  const within = (value: number, most: number): number => Math.max(GAP, Math.min(value, most - GAP));
  return { left: within(x, innerWidth - card.width), top: within(y, innerHeight - card.height) };
}
