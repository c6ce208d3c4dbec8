import { createContext, useContext } from "react";
import type { CellType, ServiceSettings, Session, Taxonomy, User } from "./api/shapes";

/** Values that every page needs, loaded once. */
export interface Known {
  session: Session;
  user: User;
  taxonomy: Taxonomy;
  settings: ServiceSettings;
}

export const KnownContext = createContext<Known | null>(null);

export function useKnown(): Known {
  const known = useContext(KnownContext);
  if (!known) throw new Error("outside the log-in");
  return known;
}

export function useTypes(): Map<string, CellType> {
  const { taxonomy } = useKnown();
  return byId(taxonomy);
}

const maps = new WeakMap<Taxonomy, Map<string, CellType>>();

function byId(taxonomy: Taxonomy): Map<string, CellType> {
  const known = maps.get(taxonomy) ?? new Map(taxonomy.types.map((type) => [type.id, type]));
  maps.set(taxonomy, known);
  return known;
}

/** The threshold of a rule in percent, read from the rule's condition. */
export function thresholdOf(settings: ServiceSettings, rule: string): { percent: number; condition: string } {
  const found = settings.rules.find((one) => one.id === rule) ?? settings.rules[0];
  const condition = found?.condition ?? "";
  return { percent: Number.parseFloat(condition.match(/[\d.]+/)?.[0] ?? "20"), condition };
}
