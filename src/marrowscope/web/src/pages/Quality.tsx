import type { ReactNode } from "react";
import { Link } from "../parts/basics";
import { Controls } from "../quality/Controls";
import { Learning } from "../quality/Learning";
import { Result } from "../quality/Result";
import { TakeTest } from "../quality/TakeTest";
import { t } from "../strings";

/** Control slides, and the proficiency of learners. */
export function Quality({ tab, id }: { tab: string; id: string | null }): ReactNode {
  if (tab === "test" && id) return <TakeTest key={id} id={id} />;
  const isLearning = tab === "learning" || tab === "result";
  return (
    <div className="page">
      <div className="row">
        <h1>{t.quality.title}</h1>
        <nav className="tabs" aria-label={t.quality.title}>
          <Link to="/quality/controls" current={!isLearning}>
            {t.quality.controls}
          </Link>
          <Link to="/quality/learning" current={isLearning}>
            {t.quality.learning}
          </Link>
        </nav>
      </div>
      {tab === "result" && id ? <Result key={id} id={id} /> : isLearning ? <Learning /> : <Controls id={id} />}
    </div>
  );
}
