import type { Texts } from "../../strings";

export const admin: Texts["admin"] = {
  title: "Verwaltung",
  users: "Benutzer", tokens: "Zugriffstoken",
  addUser: "Benutzer hinzufügen",
  name: "Name", role: "Rolle", lastSeen: "Zuletzt angemeldet",
  passwordHint: "Mindestens 10 Zeichen",
  resetPassword: "Passwort setzen",
  deactivate: "Sperren", activate: "Entsperren",
  addToken: "Neues Token",
  tokenName: "Verwendet von", scopes: "Rechte", expires: "Gültig für (Tage)",
  created: "Erstellt", expiry: "Läuft ab", never: "nie",
  tokenOnce: "Kopieren Sie dieses Token jetzt. Es wird nicht noch einmal angezeigt.",
  revoke: "Widerrufen",
  scopeNames: { read: "lesen", write: "ändern", admin: "verwalten" },
  you: "Sie",
};

export const outbox: Texts["outbox"] = {
  tab: "Ausgang",
  lead: "Signierte Befunde auf dem Weg zum System des Krankenhauses. Was abgelehnt wurde, wartet, bis Sie es erneut senden.",
  none: "Noch wurde nichts gesendet. Die Einstellung MARROWSCOPE_OUTBOX nennt, wohin signierte Befunde gehen.",
  report: "Befund", target: "An", status: "Stand", attempts: "Versuche", signed: "Signiert",
  version: (number: number) => `Version ${number}`,
  statuses: { waiting: "wartet", sent: "gesendet", refused: "abgelehnt" },
  next: (at: string) => `nächster Versuch ${at}`,
  again: "Erneut senden",
};

export const password: Texts["password"] = { title: "Passwort ändern", old: "Bisheriges Passwort", new: "Neues Passwort", done: "Ihr Passwort ist geändert." };

export const display: Texts["display"] = {
  title: "Anzeige",
  language: "Sprache",
  ofBrowser: "Sprache des Browsers",
  theme: "Farben",
  themes: { system: "Wie das System", light: "Hell", dark: "Dunkel", contrast: "Hoher Kontrast" },
  text: "Schriftgröße",
  texts: { small: "Klein", medium: "Mittel", large: "Groß", larger: "Sehr groß" },
  where: "Diese Einstellungen gelten nur auf diesem Computer.",
};
