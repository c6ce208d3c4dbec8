import type { ReactNode } from "react";
import { tasks } from "../activity/tasks";
import { API } from "../api/client";
import { Menu } from "../parts/basics";
import { t } from "../strings";

function exportPath(analysis: string, name: string, version?: number): string {
  return `/analyses/${analysis}/exports/${name}${version ? `?version=${version}` : ""}`;
}

export function ExportMenu({ analysis, version }: { analysis: string; version?: number }): ReactNode {
  return (
    <Menu label={t.patient.exports}>
      {Object.entries(t.exportsMenu).map(([name, label]) =>
        name.endsWith(".html") ? (
          <a key={name} href={API + exportPath(analysis, name, version)} target="_blank" rel="noopener">
            {label}
          </a>
        ) : (
          <button key={name} type="button" onClick={() => tasks.download(label, exportPath(analysis, name, version), name)}>
            {label}
          </button>
        ),
      )}
    </Menu>
  );
}
