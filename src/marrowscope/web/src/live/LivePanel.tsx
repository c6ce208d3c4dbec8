import { useEffect, useRef, useState, type ReactNode } from "react";
import { get, post } from "../api/client";
import type { Analysis, LiveSession, Patient } from "../api/shapes";
import { thresholdOf, useKnown } from "../context";
import { keep, kept } from "../display";
import { useAction, useLoaded, useNews } from "../hooks";
import { DecisionPill, Dialog, Loading, Meter, Problem } from "../parts/basics";
import { IntervalBar } from "../parts/IntervalBar";
import { useDrop } from "../pages/Worklist";
import { t } from "../strings";
import { senderOf } from "./sender";
import { Sources } from "./Sources";
import { sound } from "./tone";

/** A session at the microscope: what it has come to, and from where its images come. */
export function LivePanel({ patient, analysis, children }: { patient: Patient; analysis: Analysis; children: ReactNode }): ReactNode {
  const { user } = useKnown();
  const maySend = user.role !== "viewer";
  const live = useLoaded(`${analysis.id} live`, (signal) => get<LiveSession>(`/analyses/${analysis.id}/live`, signal));
  useNews(live.reload, (news) => news.kind === "reconnected" || (news.kind === "analysis" && news.analysis.id === analysis.id && news.analysis.status === "live"));
  const sender = senderOf(patient.id);
  const drop = useDrop(maySend, (batches) => {
    for (const file of batches.flatMap((batch) => batch.files)) sender.add(file, file.name);
  });
  return (
    <div className="patient" {...drop.handlers}>
      <section className={`live-session ${live.data ? toneOf(live.data) : ""}`} aria-label={t.live.title} data-testid="live-session">
        {live.data ? <Figures session={live.data} /> : <Loading />}
        <Problem message={live.error} />
        <div className="row wrap top">
          <div className="grow stack tight">{maySend ? <Sources patient={patient} /> : <p className="small soft">{t.live.viewer}</p>}</div>
          <Signals session={live.data} />
          {maySend ? <Close analysis={analysis} /> : null}
        </div>
        {live.data?.folder ? <p className="small soft">{t.live.following(live.data.folder)}</p> : null}
      </section>
      <div className="patient-body">{children}</div>
      {drop.over ? <div className="drop-veil">{t.worklist.drop}</div> : null}
    </div>
  );
}

/** The colour of a session: that of its verdict once this stands, or that of enough cells. */
const toneOf = (session: LiveSession): string => (session.is_settled ? session.count.decision : session.to_go === 0 ? "reached" : "");

function Figures({ session }: { session: LiveSession }): ReactNode {
  const { settings } = useKnown();
  const { count, newest } = session;
  const threshold = thresholdOf(settings, count.rule);
  const [isListed, setListed] = useState(false);
  return (
    <div className="live-figures" aria-live="polite">
      <div>
        <div className="headline">
          <span className="soft">{t.differential.blasts}</span>
          <span className="big" data-testid="live-percent">
            {t.percent(count.blast_percent)}
          </span>
          <span className="soft">{t.live.soFar}</span>
        </div>
        {count.ci_low === null ? null : <p className="small soft">{t.live.interval(t.interval(count.ci_low, count.ci_high))}</p>}
      </div>
      <div>
        <div className="row wrap">
          <DecisionPill decision={count.decision} />
          {session.is_settled ? <strong className="small">{t.live.isSettled}</strong> : null}
        </div>
        <IntervalBar percent={count.adjusted_percent} low={count.adjusted_low} high={count.adjusted_high} threshold={threshold.percent} condition={threshold.condition} decision={count.decision} />
      </div>
      <div>
        <p className="small">
          {t.live.ofTarget(count.counted, session.target)}
          {" · "}
          <strong data-testid="to-go">{session.to_go > 0 ? t.live.toGo(session.to_go) : t.live.hasTarget}</strong>
        </p>
        <Meter value={count.counted / session.target} label={t.live.ofTarget(count.counted, session.target)} />
        <p className="small soft">{newest ? t.live.newest(newest.name, newest.cells) : null}</p>
      </div>
      <div className="small">
        {session.waiting > 0 ? <p>{t.live.waiting(session.waiting)}</p> : null}
        {session.repeated > 0 ? <p className="soft">{t.live.repeated(session.repeated)}</p> : null}
        {session.passed_over_number > 0 ? (
          <button type="button" className="button quiet compact" onClick={() => setListed(true)}>
            {t.live.passedOver(session.passed_over_number)}
          </button>
        ) : null}
      </div>
      {isListed ? (
        <Dialog title={t.live.passedOverTitle} onClose={() => setListed(false)}>
          <ul className="stack tight">
            {session.passed_over.map((one) => (
              <li key={one.name}>
                <strong>{one.name}</strong>: {one.is_copy ? t.live.sameField : null} <span lang="en" className="soft">{one.is_copy ? `(${one.message})` : one.message}</span>
              </li>
            ))}
          </ul>
          {session.passed_over_number > session.passed_over.length ? <p className="soft">{t.live.andMore(session.passed_over_number - session.passed_over.length)}</p> : null}
        </Dialog>
      ) : null}
    </div>
  );
}

/** A tone when enough cells are counted, and when the count decides; not for what was so when the page was opened. */
function Signals({ session }: { session: LiveSession | null }): ReactNode {
  const [isOn, setOn] = useState(() => kept("live-sound", ["on", "off"], "on") === "on");
  const before = useRef<{ target: boolean; settled: boolean } | null>(null);
  const target = session ? session.to_go === 0 : null;
  const settled = session?.is_settled ?? null;
  useEffect(() => {
    if (target === null || settled === null) return;
    const known = before.current;
    before.current = { target: target || (known?.target ?? false), settled: settled || (known?.settled ?? false) };
    if (known && isOn && ((target && !known.target) || (settled && !known.settled))) sound();
  }, [target, settled, isOn]);
  const turn = (): void => {
    keep("live-sound", isOn ? "off" : "on");
    if (!isOn) sound();
    setOn(!isOn);
  };
  return (
    <button type="button" className="button compact" aria-pressed={isOn} title={t.live.soundWhy} onClick={turn}>
      {t.live.sound}
    </button>
  );
}

function Close({ analysis }: { analysis: Analysis }): ReactNode {
  const { busy, error, run } = useAction();
  return (
    <>
      <button type="button" className="button primary compact" disabled={busy} title={t.live.closeWhy} onClick={() => run(() => post(`/analyses/${analysis.id}/close`))}>
        {t.live.close}
      </button>
      <Problem message={error} />
    </>
  );
}
