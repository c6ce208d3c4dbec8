import type { ReactNode } from "react";
import { API } from "../api/client";
import { Menu } from "../parts/basics";
import { t } from "../strings";

export function exportAddress(analysis: string, name: string, version?: number): string {
  return `${API}/analyses/${analysis}/exports/${name}${version ? `?version=${version}` : ""}`;
}

export function ExportMenu({ analysis, version }: { analysis: string; version?: number }): ReactNode {
  return (
    <Menu label={t.patient.exports}>
      {Object.entries(t.exportsMenu).map(([name, label]) => (
        <a key={name} href={exportAddress(analysis, name, version)} {...(name.endsWith(".html") ? { target: "_blank", rel: "noopener" } : { download: "" })}>
          {label}
        </a>
      ))}
    </Menu>
  );
}
