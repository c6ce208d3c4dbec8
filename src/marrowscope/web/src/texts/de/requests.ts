import { plural } from "../../locale";
import type { Texts } from "../../strings";

export const requests: Texts["requests"] = {
  title: "Anfragen",
  waiting: (count) => (count === 0 ? "Anfragen" : `Anfragen, ${plural(count, "wartet", "warten")} auf Sie`),
  lead: "Was Kollegen Sie zu ihren Fällen fragen, und was Sie gefragt haben.",
  toMe: "An mich gerichtet",
  byMe: "Von mir gestellt",
  noneToMe: "Niemand hat Sie etwas gefragt.",
  noneByMe: "Sie haben niemanden gefragt. „Kollegen fragen“ steht bei jeder Zelle und unter „Fall“.",
  of: "Anfragen an Kollegen",
  noneOf: "Zu diesem Fall wurde niemand gefragt.",
  ask: "Kollegen fragen",
  askLead: "Die Anfrage erscheint dort unter „Anfragen“, mit einem Link genau zu dieser Stelle. Bis sie beantwortet ist, bleibt sie ein offener Punkt vor dem Signieren.",
  whom: "Wen",
  about: "Worüber",
  aboutCell: (place) => `Diese Zelle (${place})`,
  aboutField: (name) => `Gesichtsfeld ${name}`,
  aboutCase: "Der ganze Fall",
  text: "Frage",
  usual: "Bitte um Zweitmeinung.",
  send: "Fragen",
  nobody: "Niemand sonst darf hier durchsehen, daher kann niemand gefragt werden.",
  asks: (who, whom) => `${who} fragt ${whom}`,
  asksYou: (who) => `${who} fragt Sie`,
  youAsk: (whom) => `Sie fragen ${whom}`,
  place: (field, cell) => (field === null ? "ganzer Fall" : cell === null ? field : `${field}, Zelle ${cell}`),
  notFoundAgain: "Die neuere Auswertung hat diese Zelle nicht wieder gefunden; der Link öffnet ihr Gesichtsfeld.",
  states: { open: "nicht beantwortet", answered: "beantwortet", closed: "geschlossen" },
  closedBy: (who) => `Geschlossen von ${who}`,
  answer: "Antworten",
  answerLabel: "Ihre Antwort",
  answerKeys: "Strg + Eingabe sendet die Antwort",
  close: "Ohne Antwort schließen",
  withdraw: "Zurückziehen",
  done: "Erledigt",
  here: (toMe, answered) =>
    [toMe > 0 ? `${plural(toMe, "Anfrage wartet", "Anfragen warten")} auf Ihre Antwort.` : "", answered > 0 ? `${plural(answered, "Ihrer Anfragen ist", "Ihrer Anfragen sind")} beantwortet.` : ""].filter(Boolean).join(" "),
};

export const tags: Texts["tags"] = {
  title: "Schlagwörter",
  add: "Schlagwort hinzufügen",
  placeholder: "Konferenz, Studie …",
  remove: (tag) => `Schlagwort ${tag} entfernen`,
  none: "Keine Schlagwörter.",
  lead: "Wörter, unter denen Sie den Fall wiederfinden. Sie stehen in keinem Befund.",
};
