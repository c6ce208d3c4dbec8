import type { ReactNode } from "react";
import { get } from "../api/client";
import type { Analysis, Page, Version } from "../api/shapes";
import { useLoaded } from "../hooks";
import { DecisionPill, Problem } from "../parts/basics";
import { t, when } from "../strings";
import { ExportMenu } from "./Exports";

/** All signed versions with their files, and the current state. */
export function Versions({ analysis }: { analysis: Analysis }): ReactNode {
  const versions = useLoaded(`${analysis.id} ${analysis.version} ${analysis.locked}`, (signal) => get<Page<Version>>(`/analyses/${analysis.id}/versions`, signal));
  const items = [...(versions.data?.items ?? [])].reverse();
  return (
    <div className="page">
      <h2>{t.versions.title}</h2>
      <Problem message={versions.error} />
      {versions.data && items.length === 0 ? <p className="soft">{t.versions.none}</p> : null}
      {items.map((version) => (
        <article key={version.version} className="card stack tight" style={{ padding: "0.8rem 1rem" }}>
          <div className="row wrap">
            <h3>
              {t.versions.version} {version.version}
            </h3>
            <DecisionPill decision={version.decision} />
            <strong>{t.percent(version.blast_percent)}</strong>
            <span className="grow" />
            <ExportMenu analysis={analysis.id} version={version.version} />
          </div>
          <p>
            {version.meaning} · {version.signed_by} · {when(version.signed_at)}
          </p>
          {version.reason ? (
            <p className="soft">
              {t.versions.reason}: {version.reason}
            </p>
          ) : null}
          <p className="small faint">
            {t.versions.digest} <code>{version.sha256}</code>
          </p>
        </article>
      ))}
      {analysis.locked ? null : (
        <article className="card row" style={{ padding: "0.8rem 1rem" }}>
          <span className="grow soft">{t.versions.current}</span>
          <ExportMenu analysis={analysis.id} />
        </article>
      )}
      <p className="small faint">
        {t.patient.networks}: {analysis.bundle} <code>{analysis.bundle_sha256.slice(0, 16)}</code>
        {analysis.mpp ? ` · ${t.patient.scale} ${analysis.mpp.toFixed(4)} µm/px` : ""}
      </p>
    </div>
  );
}
