import { number } from "../../locale";
import type { Texts } from "../../strings";

export const activity: Texts["activity"] = {
  title: "In Arbeit",
  over: "Fertig",
  working: (name, seconds) => `${name}: wird erstellt, seit ${number(seconds)} s`,
  receiving: (name, bytes) => `${name}: ${number(bytes / 1e6, 1)} MB empfangen`,
  done: (name) => `${name}: fertig`,
  failed: (name, reason) => `${name}: ${reason}`,
  left: (seconds) => (seconds < 90 ? `noch etwa ${Math.max(Math.round(seconds / 10) * 10, 10)} s` : `noch etwa ${Math.round(seconds / 60)} min`),
  live: "Die bisher gefundenen Zellen können schon betrachtet werden. Beantworten lassen sie sich, sobald alle Gesichtsfelder gelesen sind.",
};
