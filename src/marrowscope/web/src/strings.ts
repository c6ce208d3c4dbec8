/** All texts of the page, by its rooms in `texts/`. A translation is another set of files of the same shape. */
import type { Decision, PatientStatus, Role } from "./api/shapes";
import { activity } from "./texts/activity";
import { admin, display, password } from "./texts/administration";
import { details } from "./texts/details";
import { firstRun, tour } from "./texts/firstrun";
import { lookAlikes, morphology } from "./texts/morphology";
import * as patient from "./texts/patient";
import { plural } from "./texts/plural";
import * as quality from "./texts/quality";
import * as review from "./texts/review";
import * as worklist from "./texts/worklist";

export const t = {
  product: "marrowscope",
  researchNotice: "For research use only. Not for diagnosis.",
  unavailable: "–",
  close: "Close",
  cancel: "Cancel",
  save: "Save",
  loading: "Loading …",
  retry: "Try again",
  back: "Worklist",
  unreachable: "The service cannot be reached.",
  of: (part: number, whole: number) => `${part.toLocaleString("en")} of ${whole.toLocaleString("en")}`,
  percent: (value: number | null | undefined) => (value === null || value === undefined ? "–" : `${value.toFixed(1)}\u00a0%`),
  interval: (low: number | null | undefined, high: number | null | undefined) =>
    low === null || low === undefined || high === null || high === undefined ? "" : `${low.toFixed(1)}–${high.toFixed(1)}\u00a0%`,
  cells: (count: number) => plural(count, "cell", "cells"),
  fields: (count: number) => plural(count, "field", "fields"),
  files: (count: number) => plural(count, "file", "files"),

  login: {
    title: "Log in",
    username: "User name",
    password: "Password",
    submit: "Log in",
    oidc: (name: string) => `Log in with ${name}`,
    expired: "Your session has ended. Log in again; nothing you entered is lost.",
    lead: "Differential counts of blood and bone-marrow smears, for review and sign-off.",
  },

  shell: {
    worklist: "Worklist",
    admin: "Administration",
    account: "Account",
    settings: "Display settings",
    tokens: "Access tokens",
    password: "Change password",
    logout: "Log out",
    authenticationOff: "Log-in is disabled",
    skip: "Skip to content",
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
    done: "To review",
    failed: "Failed",
    cancelled: "Cancelled",
    signed: "Signed",
  } satisfies Record<PatientStatus, string>,

  activity,
  firstRun,
  tour,
  admin,
  password,
  display,
  details,
  ...worklist,
  ...patient,
  ...review,
  ...quality,

  notFound: { title: "This page does not exist.", lead: "The patient may have been deleted." },

  /** Criteria of the cell types, each after its source, and how those that look alike are told apart. */
  morphology,
  lookAlikes,
};

export function when(iso: string | null | undefined): string {
  if (!iso) return t.unavailable;
  const date = new Date(iso);
  const two = (value: number): string => String(value).padStart(2, "0");
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())} ${two(date.getHours())}:${two(date.getMinutes())}`;
}
