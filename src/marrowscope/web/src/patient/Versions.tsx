import type { ReactNode } from "react";
import { get } from "../api/client";
import type { Analysis, Page, Patient, PatientVersion } from "../api/shapes";
import { useLoaded } from "../hooks";
import { number } from "../locale";
import { DecisionPill, Problem } from "../parts/basics";
import { t, when } from "../strings";
import { ExportMenu } from "./Exports";

/** All signed versions of all analyses with their files, and the current state. */
export function Versions({ patient, analysis }: { patient: Patient; analysis: Analysis | null }): ReactNode {
  const state = analysis ? `${analysis.id} ${analysis.version} ${analysis.locked}` : "";
  const versions = useLoaded(`${patient.id} ${state}`, (signal) => get<Page<PatientVersion>>(`/patients/${patient.id}/versions`, signal));
  const items = versions.data?.items ?? [];
  return (
    <div className="page">
      <h2>{t.versions.title}</h2>
      <Problem message={versions.error} />
      {versions.data && items.length === 0 ? <p className="soft">{t.versions.none}</p> : null}
      {analysis?.status === "done" && !analysis.locked ? (
        <article className="card row" style={{ padding: "0.8rem 1rem" }}>
          <span className="grow soft">{t.versions.current}</span>
          <ExportMenu analysis={analysis.id} />
        </article>
      ) : null}
      {items.map((version) => (
        <SignedVersion key={`${version.analysis_id} ${version.version}`} version={version} isEarlier={version.analysis_id !== analysis?.id} />
      ))}
      {analysis ? (
        <p className="small faint">
          {t.patient.networks}: {analysis.bundle} <code>{analysis.bundle_sha256.slice(0, 16)}</code>
          {analysis.mpp ? ` · ${t.patient.scale} ${number(analysis.mpp, 4)} µm/px` : ""}
        </p>
      ) : null}
    </div>
  );
}

/** Whether a version has reached the hospital's system, where one is set. */
function Delivered({ version }: { version: PatientVersion }): ReactNode {
  const delivery = version.delivery;
  if (!delivery) return null;
  const texts = t.versions.delivery;
  const text =
    delivery.status === "sent" ? texts.sent(when(delivery.sent_at)) : delivery.status === "refused" ? texts.refused(delivery.message) : texts.waiting(delivery.message);
  return <p className="soft">{text}</p>;
}

function SignedVersion({ version, isEarlier }: { version: PatientVersion; isEarlier: boolean }): ReactNode {
  const remarks = [isEarlier ? t.versions.earlier : "", version.superseded ? t.versions.superseded : ""].filter(Boolean).join(", ");
  return (
    <article className="card stack tight" data-testid="version" style={{ padding: "0.8rem 1rem" }}>
      <div className="row wrap">
        <h3>
          {t.versions.version} {version.version}
        </h3>
        <DecisionPill decision={version.decision} />
        <strong>{t.percent(version.blast_percent)}</strong>
        <span className="soft">{remarks}</span>
        <span className="grow" />
        <ExportMenu analysis={version.analysis_id} version={version.version} />
      </div>
      <p>
        {version.meaning} · {version.signed_by} · {when(version.signed_at)}
      </p>
      <p className="soft">{t.versions.analysed(when(version.analysed_at), version.bundle)}</p>
      {version.reason ? (
        <p className="soft">
          {t.versions.reason}: {version.reason}
        </p>
      ) : null}
      <Delivered version={version} />
      {version.amended ? (
        <p className="soft">
          {t.versions.amended}: {version.amended}
        </p>
      ) : null}
      <p className="small faint">
        {t.versions.digest} <code>{version.sha256}</code>
      </p>
    </article>
  );
}
