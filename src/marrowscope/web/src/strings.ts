/** All texts of the page, by its rooms in `texts/`. A translation is another set of files of the same shape (`texts/de`). */
import type { Decision, PatientStatus, Role } from "./api/shapes";
import { interval, number, percent, plural, setLocale, type Language } from "./locale";
import { activity } from "./texts/activity";
import { admin, display, outbox, password } from "./texts/administration";
import { details } from "./texts/details";
import { firstRun, tour } from "./texts/firstrun";
import { camera, live } from "./texts/live";
import { lookAlikes, morphology } from "./texts/morphology";
import * as patient from "./texts/patient";
import * as quality from "./texts/quality";
import { requests, tags } from "./texts/requests";
import * as review from "./texts/review";
import { served } from "./texts/served";
import { teaching } from "./texts/teaching";
import * as worklist from "./texts/worklist";

export { spoken, when } from "./locale";

const english = {
  product: "marrowscope",
  researchNotice: "For research use only. A count is not a diagnosis.",
  unavailable: "–",
  close: "Close",
  cancel: "Cancel",
  save: "Save",
  loading: "Loading …",
  retry: "Try again",
  show: "Show",
  hide: "Hide",
  unreachable: "The service cannot be reached.",
  of: (part: number, whole: number) => `${number(part)} of ${number(whole)}`,
  percent,
  interval,
  cells: (count: number) => plural(count, "cell", "cells"),
  fields: (count: number) => plural(count, "field", "fields"),
  files: (count: number) => plural(count, "file", "files"),

  login: {
    username: "User name",
    password: "Password",
    submit: "Log in",
    oidc: (name: string) => `Log in with ${name}`,
    expired: "Your session has ended. Log in again; nothing you entered is lost.",
    lead: "Differential counts of blood and bone-marrow smears, for review and sign-off.",
  },

  shell: {
    logout: "Log out",
    authenticationOff: "Log-in is disabled",
    skip: "Skip to content",
    manual: "Documentation",
  },

  roles: { viewer: "Viewer", reviewer: "Reviewer", admin: "Administrator" } satisfies Record<Role, string>,

  decisions: {
    positive: "Above 20 %",
    negative: "Below 20 %",
    indeterminate: "Undecided",
    insufficient: "Too few cells",
  } satisfies Record<Decision, string>,

  statuses: {
    empty: "No images",
    ready: "Ready to analyse",
    queued: "Waiting",
    running: "Reading",
    live: "Live",
    done: "To review",
    failed: "Failed",
    cancelled: "Cancelled",
    signed: "Signed",
  } satisfies Record<PatientStatus, string>,

  activity,
  firstRun,
  tour,
  admin,
  outbox,
  password,
  display,
  details,
  requests,
  tags,
  teaching,
  live,
  camera,
  ...worklist,
  ...patient,
  ...review,
  ...quality,

  served,

  notFound: "This page does not exist.",

  /** Criteria of the cell types, each after its source, and how those that look alike are told apart. */
  morphology,
  lookAlikes,
};

export type Texts = typeof english;

/** The texts in the language spoken now; read when something is shown, never kept. */
export let t: Texts = english;

const CATALOGUES: Record<Language, () => Promise<Texts>> = {
  en: () => Promise.resolve(english),
  de: async () => (await import("./texts/de")).german,
};
const listeners = new Set<() => void>();
let asked: Language = "en";

/** Speak a language, whose texts are loaded when they are first needed. */
export async function speak(language: Language): Promise<void> {
  asked = language;
  const texts = await CATALOGUES[language]();
  if (language !== asked) return;
  t = texts;
  setLocale(language);
  document.documentElement.lang = language;
  for (const listener of listeners) listener();
}

/** Called whenever another language is spoken. */
export function onLanguage(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** What a table has under a key that the service sent. */
export const lookUp = <T>(table: Record<string, T>, key: string): T | undefined => (Object.hasOwn(table, key) ? table[key] : undefined);
