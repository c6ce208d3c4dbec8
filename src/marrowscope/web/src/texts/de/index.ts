/** All texts of the page in German. Their shape is that of the English ones: a text too few or too many does not compile. */
import { interval, number, percent, plural } from "../../locale";
import type { Texts } from "../../strings";
import { activity } from "./activity";
import { admin, display, outbox, password } from "./administration";
import { details } from "./details";
import { firstRun, tour } from "./firstrun";
import { camera, live } from "./live";
import { lookAlikes, morphology } from "./morphology";
import * as patient from "./patient";
import * as quality from "./quality";
import { requests, tags } from "./requests";
import * as review from "./review";
import { served } from "./served";
import { teaching } from "./teaching";
import * as worklist from "./worklist";

export const german: Texts = {
  product: "marrowscope",
  researchNotice: "Nur für Forschungszwecke. Eine Zählung ist keine Diagnose.",
  unavailable: "–",
  close: "Schließen",
  cancel: "Abbrechen",
  save: "Speichern",
  loading: "Lädt …",
  retry: "Noch einmal versuchen",
  show: "Zeigen",
  hide: "Ausblenden",
  unreachable: "Der Dienst ist nicht erreichbar.",
  of: (part, whole) => `${number(part)} von ${number(whole)}`,
  percent,
  interval,
  cells: (count) => plural(count, "Zelle", "Zellen"),
  fields: (count) => plural(count, "Gesichtsfeld", "Gesichtsfelder"),
  files: (count) => plural(count, "Datei", "Dateien"),

  login: {
    username: "Benutzername",
    password: "Passwort",
    submit: "Anmelden",
    oidc: (name) => `Anmelden mit ${name}`,
    expired: "Ihre Sitzung ist beendet. Melden Sie sich wieder an; nichts, was Sie eingegeben haben, ist verloren.",
    lead: "Differenzierung von Blut- und Knochenmarkausstrichen, zum Durchsehen und Signieren.",
  },

  shell: {
    logout: "Abmelden",
    authenticationOff: "Die Anmeldung ist ausgeschaltet",
    skip: "Zum Inhalt springen",
    manual: "Dokumentation (englisch)",
  },

  roles: { viewer: "Betrachter", reviewer: "Befunder", admin: "Administrator" },

  decisions: {
    positive: "Über 20 %",
    negative: "Unter 20 %",
    indeterminate: "Unentschieden",
    insufficient: "Zu wenige Zellen",
  },

  statuses: {
    empty: "Keine Bilder",
    ready: "Bereit zur Auswertung",
    queued: "Wartet",
    running: "Wird gelesen",
    live: "Live",
    done: "Durchzusehen",
    failed: "Fehlgeschlagen",
    cancelled: "Abgebrochen",
    signed: "Signiert",
  },

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

  notFound: "Diese Seite gibt es nicht.",

  morphology,
  lookAlikes,
};
