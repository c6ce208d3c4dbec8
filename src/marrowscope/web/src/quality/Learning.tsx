import { useState, type FormEvent, type ReactNode } from "react";
import { get, getAll, post, remove } from "../api/client";
import type { Learner, Page, Patient, Test } from "../api/shapes";
import { useKnown } from "../context";
import { useAction, useLoaded, useNews } from "../hooks";
import { withInterval } from "../locale";
import { Labelled, Link, Loading, Problem } from "../parts/basics";
import { Table } from "../parts/lists";
import { t, when } from "../strings";
import { TimeChart } from "./TimeChart";

/** Cases that were served to learners, and their results over time. */
export function Learning(): ReactNode {
  const { user } = useKnown();
  const isTrainer = user.role !== "viewer";
  const tests = useLoaded("tests", (signal) => get<Page<Test>>("/proficiency", signal));
  useNews(tests.reload);
  const [who, setWho] = useState("");
  const { busy, error, run } = useAction();
  const all = tests.data?.items ?? [];
  const names = new Map(all.map((test) => [test.username, test.learner]));
  const shown = who ? all.filter((test) => test.username === who) : all;
  return (
    <>
      <p className="soft">{t.proficiency.lead}</p>
      {isTrainer ? <Serve onServed={tests.reload} /> : null}
      <Problem message={tests.error ?? error} />
      {tests.data || tests.error ? null : <Loading />}
      {names.size > 1 ? (
        <div>
          <select className="input" style={{ width: "auto" }} aria-label={t.proficiency.learner} value={who} onChange={(event) => setWho(event.target.value)}>
            <option value="">{t.proficiency.all}</option>
            {[...names].map(([username, name]) => (
              <option key={username} value={username}>
                {name}
              </option>
            ))}
          </select>
        </div>
      ) : null}
      {who || names.size === 1 ? <OverTime key={who} learner={names.get(who || (all[0]?.username ?? "")) ?? ""} tests={shown} /> : null}
      {tests.data && shown.length === 0 ? <p className="card empty">{isTrainer ? t.proficiency.empty : t.proficiency.emptyOwn}</p> : null}
      {shown.length > 0 ? (
        <div className="card">
          <Table heads={[t.proficiency.learner, t.quality.patient, t.proficiency.served, t.proficiency.finished, { number: t.proficiency.namedOf }, { number: t.readings.kappa }, { number: t.proficiency.blasts }, null]}>
            {shown.map((test) => (
              <tr key={test.id}>
                <td>{test.learner}</td>
                <td>{test.patient}</td>
                <td>{when(test.opened_at)}</td>
                <td>{test.finished_at ? when(test.finished_at) : t.readings.open}</td>
                <td className="number">{t.of(test.named, test.cells)}</td>
                <td className="number">{kappaOf(test)}</td>
                <td className="number">{test.signed_blasts === null ? "" : t.of(test.found_blasts ?? 0, test.signed_blasts)}</td>
                <td className="number">
                  {test.status === "finished" ? <Link to={`/quality/result/${test.id}`}>{t.proficiency.result}</Link> : null}
                  {test.status === "open" && test.username === user.username ? (
                    <Link to={`/quality/test/${test.id}`} className="button compact primary">
                      {t.proficiency.start}
                    </Link>
                  ) : null}
                  {test.status === "open" && isTrainer && test.username !== user.username ? (
                    <button type="button" className="button quiet compact" disabled={busy} onClick={() => run(async () => { await remove(`/proficiency/${test.id}`); tests.reload(); })}>
                      {t.proficiency.withdraw}
                    </button>
                  ) : null}
                </td>
              </tr>
            ))}
          </Table>
        </div>
      ) : null}
    </>
  );
}

export function kappaOf(test: Test): string {
  const { kappa, ci_low: low, ci_high: high } = test.result ?? { kappa: null, ci_low: null, ci_high: null };
  if (kappa === null) return test.result ? t.unavailable : "";
  return withInterval(kappa, low, high, 2);
}

/** One learner's kappa, case after case. */
function OverTime({ learner, tests }: { learner: string; tests: Test[] }): ReactNode {
  const [at, setAt] = useState(0);
  const marks = [...tests].reverse().flatMap((test) =>
    test.result?.kappa === null || test.result?.kappa === undefined
      ? []
      : [
          {
            key: test.id,
            label: [when(test.finished_at), test.patient, kappaOf(test)].join(" · "),
            value: test.result.kappa,
            low: test.result.ci_low,
            high: test.result.ci_high,
            isOut: false,
            change: null,
          },
        ],
  );
  if (marks.length < 2) return null;
  return (
    <div className="card charts">
      <figure>
        <figcaption>
          <strong>{t.proficiency.overTime(learner)}</strong>
        </figcaption>
        <TimeChart label={`${t.proficiency.overTime(learner)}. ${t.quality.chartHelp}`} marks={marks} centre={null} isInterval digits={2} at={at} onAt={setAt} />
        <p className="small">{marks[at]?.label}</p>
      </figure>
    </div>
  );
}

function Serve({ onServed }: { onServed: () => void }): ReactNode {
  const { user } = useKnown();
  const cases = useLoaded("served", (signal) => getAll<Patient>("/patients?status=signed&limit=500&controls=true", signal));
  const learners = useLoaded("learners", (signal) => get<Page<Learner>>("/learners", signal));
  const [analysis, setAnalysis] = useState("");
  const [learner, setLearner] = useState("");
  const { busy, error, run } = useAction();
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    run(async () => {
      await post("/proficiency", { analysis_id: analysis, learner });
      setLearner("");
      onServed();
    });
  };
  return (
    <form className="row wrap serve" onSubmit={submit} aria-label={t.proficiency.serve}>
      <Labelled label={t.proficiency.case}>
        <select className="input" required value={analysis} onChange={(event) => setAnalysis(event.target.value)}>
          <option value="">{t.quality.choose}</option>
          {cases.data?.map((patient) => (
            <option key={patient.id} value={patient.analysis?.id ?? ""}>
              {patient.name}
            </option>
          ))}
        </select>
      </Labelled>
      <Labelled label={t.proficiency.learner}>
        <select className="input" required value={learner} onChange={(event) => setLearner(event.target.value)}>
          <option value="">{t.quality.choose}</option>
          {learners.data?.items
            .filter((one) => one.username !== user.username)
            .map((one) => (
              <option key={one.username} value={one.username}>
                {one.name}
              </option>
            ))}
        </select>
      </Labelled>
      <button type="submit" className="button primary" disabled={busy || !analysis || !learner}>
        {t.proficiency.submit}
      </button>
      <Problem message={error ?? cases.error ?? learners.error} />
    </form>
  );
}
