import { createContext, useContext } from "react";
import type { CellType, ServiceSettings, Session, Taxonomy, User } from "./api/shapes";
import { number } from "./locale";
import { lookUp, t } from "./strings";

/** Values that every page needs, loaded once. */
export interface Known {
  session: Session;
  user: User;
  taxonomy: Taxonomy;
  settings: ServiceSettings;
}

/** The same, with cell types and rules by their names in the language spoken now. */
export function named(known: Known): Known {
  const types = known.taxonomy.types.map((type) => {
    const [name, abbreviation] = lookUp(t.served.types, type.id) ?? [type.name, type.abbreviation];
    return { ...type, name, abbreviation };
  });
  const rules = known.settings.rules.map((rule) => ({ ...rule, title: lookUp(t.served.rules, rule.id) ?? rule.title }));
  return { ...known, taxonomy: { ...known.taxonomy, types }, settings: { ...known.settings, rules } };
}

/** A flag of a cell or a field in words. */
export const flagName = (flag: string): string => lookUp(t.served.flags, flag) ?? flag.replaceAll("_", " ");

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
  const [, sign = ">", digits = "20"] = /([<>≤≥]) *([\d.]+)/.exec(found?.condition ?? "") ?? [];
  const percent = Number.parseFloat(digits);
  return { percent, condition: t.served.condition(sign, number(percent, (digits.split(".")[1] ?? "").length)) };
}
