/** Display settings of this computer: language, colours and text size, stored in the browser. */
import { LANGUAGES, languageOfBrowser, type Language } from "./locale";

export const THEMES = ["system", "light", "dark", "contrast"] as const;
export const TEXTS = ["small", "medium", "large", "larger"] as const;
export type Theme = (typeof THEMES)[number];
export type TextSize = (typeof TEXTS)[number];

export interface Display {
  /** Null for that of the browser. */
  language: Language | null;
  theme: Theme;
  text: TextSize;
}

const KEY = "marrowscope:display";

export function loadDisplay(): Display {
  try {
    const kept = JSON.parse(localStorage.getItem(KEY) ?? "{}") as Partial<Display>;
    return {
      language: (Object.keys(LANGUAGES) as Language[]).find((language) => language === kept.language) ?? null,
      theme: THEMES.find((theme) => theme === kept.theme) ?? "system",
      text: TEXTS.find((text) => text === kept.text) ?? "medium",
    };
  } catch {
    return { language: null, theme: "system", text: "medium" };
  }
}

export function applyDisplay(display: Display): void {
  const dark = matchMedia("(prefers-color-scheme: dark)").matches;
  const theme = display.theme === "system" ? (dark ? "dark" : "light") : display.theme;
  document.documentElement.dataset["theme"] = theme;
  document.documentElement.dataset["text"] = display.text;
}

export const languageOf = ({ language }: Display): Language => language ?? languageOfBrowser();

export function keepDisplay(display: Display): void {
  localStorage.setItem(KEY, JSON.stringify(display));
  applyDisplay(display);
}

let owner = "";

/** Whose personal settings `kept` and `keep` mean: people share computers. */
export function belongTo(username: string): void {
  owner = username;
}

/** A personal setting, such as the gallery's layout. */
export function kept<T extends string>(name: string, allowed: readonly T[], otherwise: T): T {
  const value = localStorage.getItem(nameOf(name));
  return allowed.find((one) => one === value) ?? otherwise;
}

/** Personal settings that are numbers, each within its bounds. */
export function keptNumbers<T extends Record<string, number>>(name: string, otherwise: T, bounds: Record<keyof T, readonly [number, number]>): T {
  let found: Partial<Record<keyof T, unknown>> = {};
  try {
    found = JSON.parse(localStorage.getItem(nameOf(name)) ?? "{}") as Partial<Record<keyof T, unknown>>;
  } catch {
    // Nothing that can be read is nothing kept.
  }
  const valid = ([key, usual]: [string, number]): [string, number] => {
    const value = Number(found[key] ?? usual);
    const [least, most] = bounds[key as keyof T];
    return [key, value >= least && value <= most ? value : usual];
  };
  return Object.fromEntries(Object.entries(otherwise).map(valid)) as T;
}

export function keep(name: string, value: string): void {
  localStorage.setItem(nameOf(name), value);
}

/** Something to remember for this browser's tab alone, such as the worklist's filters. */
export function keepHere(name: string, value: string): void {
  try {
    sessionStorage.setItem(nameOf(name), value);
  } catch {
    // Without storage nothing is remembered.
  }
}

export function keptHere(name: string): string {
  try {
    return sessionStorage.getItem(nameOf(name)) ?? "";
  } catch {
    return "";
  }
}

const nameOf = (name: string): string => `marrowscope:${owner}:${name}`;
