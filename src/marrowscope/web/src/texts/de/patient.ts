import { number, plural } from "../../locale";
import type { Texts } from "../../strings";

export const patient: Texts["patient"] = {
  tabs: { review: "Zellen", case: "Fall", fields: "Gesichtsfelder", readings: "Befundungen", versions: "Befund", audit: "Protokoll" },
  analyse: "Auswerten",
  cancelAnalysis: "Auswertung abbrechen",
  retry: "Fehlgeschlagene Gesichtsfelder wiederholen",
  sign: "Signieren",
  amend: "Berichtigen",
  exports: "Export",
  more: "Mehr",
  signed: (version, by, at) => `Signierte Version ${version} · ${by} · ${at}`,
  locked: "Dieser Befund ist signiert, daher sind die Zellen gesperrt. Um sie zu ändern, berichtigen Sie den Befund.",
  notCurrent: {
    current: "",
    amended: "Der Befund wurde wieder geöffnet: Was Sie jetzt sehen, ist noch nicht signiert.",
    superseded: "Eine neuere Auswertung ist noch nicht signiert. Die signierten Versionen stehen unter „Befund“.",
  },
  viewerOnly: "Sie können diesen Patienten ansehen, aber nichts ändern (Betrachter).",
  progress: (done, total) => `${number(done)} von ${plural(total, "Gesichtsfeld", "Gesichtsfeldern")} gelesen`,
  found: (cells, blasts) => `bisher ${plural(cells, "Zelle", "Zellen")}, darunter ${plural(blasts, "Blast", "Blasten")}`,
  notAnalysed: "Noch nicht ausgewertet.",
  noCells: "Es gibt noch keine Zellen für die Durchsicht.",
  remove: "Patienten löschen",
  removeLead: "Die Bilder und alle Ergebnisse werden endgültig gelöscht. Das Protokoll hält fest, wer sie wann und warum gelöscht hat.",
  networks: "Netze",
  scale: "Maßstab",
};

export const again: Texts["again"] = {
  title: "Erneut auswerten",
  lead: "Die Netze lesen alle Bilder noch einmal, und die neue Auswertung ersetzt diese.",
  versions: (count) => `${plural(count, "signierte Version bleibt", "signierte Versionen bleiben")} mit allen Dateien unter „Befund“, wie sie signiert wurden.`,
  answers: (count) => `${plural(count, "Antwort wird", "Antworten werden")} auf die Zellen übertragen, die an derselben Stelle gefunden werden.`,
  comments: (count) => `${plural(count, "Kommentar wird", "Kommentare werden")} übertragen.`,
  none: "Noch keine Zelle hat eine Antwort, daher ist nichts zu übertragen.",
  lost: "Antworten, deren Zelle nicht wieder gefunden wird, werden danach aufgelistet.",
  withImages: "Mit neuen Bildern beginnt eine neue Auswertung.",
};

export const carried: Texts["carried"] = {
  title: (count) => `${plural(count, "Zelle hat", "Zellen haben")} Antworten oder Kommentare der vorigen Auswertung.`,
  lost: (count) => `${plural(count, "Antwort konnte", "Antworten konnten")} nicht übertragen werden`,
  lead: "Sehen Sie diese Zellen noch einmal durch. Die vorige Auswertung behält die Antworten.",
  field: "Gesichtsfeld", cell: "Zelle", answer: "Antwort", by: "Von", why: "Warum",
  deleted: "keine Zelle",
  comments: (count) => plural(count, "Kommentar", "Kommentare"),
  reasons: {
    "not read": "das Bild wurde ersetzt oder war diesmal nicht lesbar",
    "not found": "dort wurde keine Zelle mehr gefunden",
  },
};

export const exportsMenu: Texts["exportsMenu"] = {
  "report.pdf": "Befund (PDF)",
  "report.html": "Befund (HTML)",
  "cells.csv": "Alle Zellen (CSV)",
  "patients.csv": "Zusammenfassung (CSV)",
  "patients.xlsx": "Arbeitsmappe (Excel)",
  "fhir.json": "Laborsystem (FHIR)",
  "training.zip": "Trainingsdaten (ZIP)",
};

export const readings: Texts["readings"] = {
  lead: "Bei der Zweitbefundung werden die Zellen benannt, ohne dass die Antworten der Erstbefundung zu sehen sind. Danach werden beide verglichen.",
  first: "Erstbefundung (gemeinsam)",
  second: (who) => `Zweitbefundung, ${who}`,
  open: "offen",
  finished: "abgeschlossen",
  openSecond: "Blinde Zweitbefundung beginnen",
  finish: "Meine Befundung abschließen",
  finishLead: "Eine abgeschlossene Befundung kann verglichen, aber nicht mehr geändert werden.",
  resume: "Befundung fortsetzen",
  reader: "Befunder",
  agreement: "Übereinstimmung",
  notYet: "Es gibt keine abgeschlossene Zweitbefundung zum Vergleichen.",
  hidden: "Die andere Befundung bleibt verborgen, bis Sie Ihre abschließen.",
  kappa: "Cohens Kappa",
  bothAnswered: "Von beiden durchgesehene Zellen",
  agreed: (agreed, cells) => `gleicher Zelltyp bei ${number(agreed)} von ${plural(cells, "Zelle", "Zellen")}`,
  table: (rows, columns) => `Zeilen: ${rows}. Spalten: ${columns}.`,
  blind: "Blinde Zweitbefundung: Sie sehen nur die Vorhersagen der Netze.",
};

export const sign: Texts["sign"] = {
  title: "Diesen Befund signieren",
  lead: (who) => `Sie signieren als ${who}. Danach sind die Zellen gesperrt; spätere Änderungen verlangen eine Berichtigung und ergeben eine neue Version.`,
  meaning: "Bedeutung",
  meanings: ["Durchgesehen und freigegeben", "Durchgesehen, vorläufig", "Als Zweitbefunder freigegeben"],
  ownMeaning: "Andere …",
  password: "Ihr Passwort",
  passwordWhy: "Noch einmal gefragt, damit niemand sonst in Ihrem Namen signieren kann.",
  signOnWhy: "Damit niemand sonst in Ihrem Namen signieren kann, weisen Sie sich noch einmal aus; danach kehren Sie hierher zurück.",
  signing: "Der Befund wird erstellt und signiert. Sie können diesen Dialog schließen; das Signieren geht weiter.",
  stale: "Das Ergebnis hat sich während des Signierens geändert. Prüfen Sie es noch einmal, bevor Sie signieren.",
  unsent: "Einige Änderungen sind noch nicht gespeichert. Warten Sie darauf, und signieren Sie dann.",
  open: "Noch offen",
  openLead: "Gehen Sie zurück und klären Sie jeden Punkt, oder geben Sie an, warum er offen bleiben darf. Die Gründe werden mit der Signatur gedruckt.",
  openReason: "Warum er offen bleiben darf",
  oneReason: "Ein Grund für alle Punkte",
  amendTitle: "Signierten Befund berichtigen",
  amendLead: "Die signierte Version bleibt unverändert. Die nächste Signatur ergibt eine neue Version.",
  reason: "Grund der Berichtigung",
  amendSubmit: "Wieder öffnen",
};

export const versions: Texts["versions"] = {
  title: "Signierte Versionen",
  none: "Noch nicht signiert.",
  version: "Version", reason: "Grund", digest: "SHA-256 der Daten",
  current: "Jetziger Stand, nicht signiert",
  analysed: (at, bundle) => `Auswertung vom ${at} · ${bundle}`,
  superseded: "durch eine spätere Version ersetzt",
  earlier: "aus einer früheren Auswertung",
  amended: "Wieder geöffnet",
};

export const fieldsPage: Texts["fieldsPage"] = {
  none: "Noch keine Bilder. Ziehen Sie sie hierher.",
  statuses: { stored: "gespeichert", read: "gelesen", failed: "fehlgeschlagen", duplicate: "gleich einem anderen", replaced: "ersetzt" },
  remove: "Entfernen",
};

export const audit: Texts["audit"] = {
  none: "Noch keine Einträge.",
  noneFound: "Keine passenden Einträge.",
  at: "Zeit", actor: "Benutzer", action: "Vorgang", subject: "Gegenstand", before: "Vorher", after: "Nachher", number: "Nr.",
  all: "Alle Vorgänge",
  since: "Von", until: "Bis",
  csv: "Tabelle (CSV)",
  unnamed: "wie die Netze",
  groups: {
    "cell. reading.": "Antworten und Befundungen",
    "analysis.sign analysis.amend": "Signaturen",
    "report.export trail.export": "Exporte",
    "session.": "Anmeldungen",
    "files. field.": "Bilder",
    "user. token.": "Konten",
  },
  actions: {
    "analysis.amend": "Befund wieder geöffnet", "analysis.ask": "Auswertung verlangt", "analysis.cancelled": "Auswertung abgebrochen", "analysis.carry": "Antworten übertragen",
    "patient.describe": "Angaben zum Fall geändert", "analysis.done": "Auswertung fertig", "analysis.failed": "Auswertung fehlgeschlagen", "analysis.retry": "Gesichtsfelder wiederholt", "analysis.sign": "Signiert", "analysis.start": "Auswertung begonnen",
    "atlas.pin": "An den Atlas geheftet", "atlas.unpin": "Aus dem Atlas genommen",
    "cell.add": "Zelle hinzugefügt", "cell.carry": "Antwort übertragen", "cell.comment": "Kommentar", "cell.review": "Zelle benannt",
    "field.remove": "Bild entfernt", "field.replace": "Bild ersetzt", "files.add": "Bilder hinzugefügt",
    "patient.add": "Patient angelegt", "patient.delete": "Patient gelöscht", "patient.expire": "Bilder abgelaufen",
    "reading.answer": "Zelle benannt (Zweitbefundung)", "reading.finish": "Zweitbefundung abgeschlossen", "reading.open": "Zweitbefundung begonnen",
    "report.export": "Befund exportiert", "trail.export": "Protokoll exportiert", "trail.seal": "Protokoll versiegelt",
    "session.close": "Abgemeldet", "session.open": "Angemeldet", "session.refuse": "Anmeldung abgelehnt",
    "token.add": "Token erstellt", "token.remove": "Token widerrufen", "user.add": "Benutzer hinzugefügt", "user.change": "Benutzer geändert", "user.password": "Passwort geändert",
  },
  export: "Export (JSON-Zeilen)",
};
