/** Numbers and dates as the user's language writes them: nothing else formats any. */

/** The languages of the page, each by its own name. */
export const LANGUAGES = { en: "English", de: "Deutsch" } as const;
export type Language = keyof typeof LANGUAGES;

/** Whose numbers and dates a language writes: dates in English are those of ISO 8601 (as in Swedish), which no reader mistakes. */
const LOCALES: Record<Language, { numbers: string; dates: string }> = {
  en: { numbers: "en", dates: "sv" },
  de: { numbers: "de", dates: "de" },
};
const NONE = "–";

let language: Language = "en";
let formats = new Map<number, Intl.NumberFormat>();
let dates: Intl.DateTimeFormat | null = null;

export const spoken = (): Language => language;

export function setLocale(next: Language): void {
  language = next;
  formats = new Map();
  dates = null;
}

/** A number with so many decimals. */
export function number(value: number, decimals = 0): string {
  let format = formats.get(decimals);
  if (!format) {
    format = new Intl.NumberFormat(LOCALES[language].numbers, { minimumFractionDigits: decimals, maximumFractionDigits: decimals });
    formats.set(decimals, format);
  }
  return format.format(value);
}

/** A number with its noun. */
export const plural = (count: number, one: string, many: string): string => `${number(count)} ${count === 1 ? one : many}`;

export const range = (low: number, high: number, decimals: number): string => `${number(low, decimals)}–${number(high, decimals)}`;

/** A figure with its interval in brackets, if there is one. */
export const withInterval = (value: number, low: number | null, high: number | null, decimals: number): string =>
  low === null || high === null ? number(value, decimals) : `${number(value, decimals)} (${range(low, high, decimals)})`;

export const percent = (value: number | null | undefined): string => (value === null || value === undefined ? NONE : `${number(value, 1)}\u00a0%`);

/** An interval in percent; empty where there is none. */
export const interval = (low: number | null | undefined, high: number | null | undefined): string =>
  low === null || low === undefined || high === null || high === undefined ? "" : `${range(low, high, 1)}\u00a0%`;

/** Day and time of the user's clock. */
export function when(iso: string | null | undefined): string {
  if (!iso) return NONE;
  dates ??= new Intl.DateTimeFormat(LOCALES[language].dates, { year: "numeric", month: "2-digit", day: "2-digit", hour: "2-digit", minute: "2-digit" });
  return dates.format(new Date(iso));
}

/** Day of the user's clock, as a date field has it: YYYY-MM-DD in every language. */
export function dayOf(iso: string): string {
  return new Date(iso).toLocaleDateString(LOCALES.en.dates);
}

/** The language of the browser, if the page has it. */
export function languageOfBrowser(): Language {
  const known = (tag: string): Language | undefined => (Object.keys(LANGUAGES) as Language[]).find((one) => tag.toLowerCase().split("-")[0] === one);
  return navigator.languages.map(known).find((one) => one !== undefined) ?? "en";
}
