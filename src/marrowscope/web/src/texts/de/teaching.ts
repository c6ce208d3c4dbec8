import { number, plural } from "../../locale";
import type { Texts } from "../../strings";

const cells = (count: number): string => plural(count, "Zelle", "Zellen");
const patients = (count: number): string => plural(count, "Patient", "Patienten");
const ofPatients = (count: number): string => plural(count, "Patienten", "Patienten");

export const teaching: Texts["teaching"] = {
  tab: "Netze",

  active: {
    title: "Netze neuer Auswertungen",
    chosen: (by, at, reason) => `Aktiviert von ${by} am ${at}: ${reason}`,
    builtIn: "Die Netze der Installation; niemand hat andere aktiviert.",
    fixed: "Die Einstellungen dieses Servers legen diese Netze fest (MARROWSCOPE_BUNDLE). Hier lassen sie sich weder trainieren noch wechseln.",
    validated: "In diesem Labor validiert.",
    notValidated: "In diesem Labor nicht validiert.",
    goBack: (name) => `Zurück zu ${name}`,
    goBackLead: "Von da an verwenden neue Auswertungen diese Netze. Frühere Auswertungen behalten ihre. Eine Validierung gilt nur für die Netze, mit denen sie gemacht wurde.",
    reason: "Grund",
  },

  choose: {
    title: "Netze mit Ihren signierten Fällen trainieren",
    lead: "Die Netze lernen Färbung und Kamera Ihres Labors aus den Zellen, die Befunder in signierten Fällen benannt haben. Einige ausgeloste Patienten werden zurückbehalten: An ihren Zellen werden die neuen Netze mit den jetzigen verglichen.",
    since: "Signiert ab", until: "Signiert bis",
    all: "Alle Fälle", case: "Fall", signed: "Signiert", cells: "Benannte Zellen", blasts: "Blasten", note: "Hinweis",
    learned: "Die jetzigen Netze haben von diesem Patienten gelernt",
    unusable: (count) => `${cells(count)} von Zelltypen, die diese Netze nicht lernen können`,
    empty: "Kein signierter Fall hat von Befundern benannte Zellen, deren Bilder noch vorhanden sind.",
    none: "Wählen Sie mindestens einen Fall.",
    start: "Training beginnen",
    time: "Das dauert Minuten. Auswertungen haben Vorrang, und Sie können die Seite verlassen.",
  },

  outlook: {
    sum: (count, blasts, people, laboratories) => `${cells(count)}, davon ${plural(blasts, "Blast", "Blasten")}, von ${ofPatients(people)} aus ${laboratories}.`,
    one: "Alle stammen aus einem Labor: Was an ihnen gemessen wird, sagt nichts über andere.",
    thin: (each, people) => `Das ist wenig. Ein Gewinn wurde ab ${number(each)} Blasten und ${number(each)} anderen Zellen von ${ofPatients(people)} gemessen, die zurückbehaltenen nicht mitgerechnet. Auch der Vergleich wird wenig aussagen.`,
    enough: "Genug zum Lernen und zum Vergleichen.",
    none: (why) => `Aus diesen Fällen lässt sich nichts lernen: ${why}.`,
    types: "Zellen je Zelltyp",
  },

  progress: {
    title: (place) => `Training ${place}`,
    queued: "Wartet auf den Server.",
    looking: (done, total) => `Schritt 1 von 2: Zellen ansehen (${number(done)} von ${number(total)})`,
    learning: (done, total) => `Schritt 2 von 2: lernen und vergleichen (${number(done)} von ${number(total)} Teilen)`,
    ofStep: (left) => `${left} für diesen Schritt`,
    lot: (learned, keptOut) => `Lernt von ${ofPatients(learned)}; ${patients(keptOut)} durch Los zurückbehalten.`,
  },

  result: {
    title: (place) => `Ergebnis von Training ${place}`,
    noGain: "Die Netze haben nichts gelernt, was hilft: Bei Zellen, von denen sie nicht gelernt hatten, waren die neuen nicht besser als die jetzigen. Die jetzigen Netze bleiben, und es gibt nichts zu aktivieren.",
    interval: (figure, low, high) => `${figure} (${low} bis ${high})`,
    keptOut: (count, people) => `Zurückbehalten: ${cells(count)} von ${ofPatients(people)}, durch Los bestimmt. Die neuen Netze haben nicht von ihnen gelernt.`,
    figure: "Kennzahl", n: "Zellen", present: "Jetzt", new: "Neu", gain: "Gewinn",
    names: {
      auc: "Blasten vor anderen Zellen eingestuft (AUC)", balanced_accuracy: "Blast oder nicht (balancierte Genauigkeit)", sensitivity: "Blasten erkannt (Sensitivität)",
      specificity: "Andere Zellen richtig ausgeschlossen (Spezifität)", type_accuracy: "Zelltyp richtig, bei Zellen, die keine Blasten sind",
    },
    intervals: "In Klammern: 95-%-Intervall über die Patienten. Ein Gewinn, dessen Intervall die Null enthält, kann Zufall sein. Wo kein Intervall steht, lässt es sich aus so wenigen Patienten nicht bestimmen.",
    fewPatients: (people) => `Die Intervalle beruhen auf nur ${ofPatients(people)}: Sie sind grob.`,
    background: (auc, accuracy) => `Die Farbe neben den Zellen allein erreicht eine AUC von ${auc} und eine balancierte Genauigkeit von ${accuracy}: Was die Netze an den Zellen sehen, ist das, was darüber hinausgeht.`,
    replay: "Was von den früher gelernten Laboren bleibt: wie oft die neuen Netze bei Zellen aus dem Gedächtnis der jetzigen dasselbe sagen wie diese.",
    kept: { blasts: "Wie zuvor Blasten genannt", others: "Wie zuvor nicht Blasten genannt", types: "Gleicher Zelltyp" },
    share: "Geblieben",
    decide: "Die neuen Netze aktivieren?",
    consequences: "Neue Auswertungen verwenden sie. Frühere Auswertungen und signierte Befunde behalten die Netze, mit denen sie gemacht wurden.",
    validation: "Die Validierung der jetzigen Netze gilt nicht für die neuen. Bis die neuen validiert sind, entscheidet über Zählungen die Durchsicht.",
    noLaboratories: (count) => `Die jetzigen Netze führen Fehlerraten aus ${plural(count, "Labor", "Laboren")}, die solche Netze nie gesehen haben. Die neuen nicht: Jene Raten sind die der jetzigen Netze. Bis die neuen validiert sind, entscheidet über Zählungen die Durchsicht.`,
    own: "Die neuen Netze führen die obigen Kennzahlen als ihre eigenen, und keine anderen.",
    activate: "Aktivieren", decline: "Nicht aktivieren",
    activateTitle: "Neue Netze aktivieren", declineTitle: "Neue Netze nicht aktivieren",
    declineLead: "Die neuen Netze werden entfernt. Das Ergebnis bleibt in der Liste.",
    reason: "Grund",
  },

  past: {
    title: "Frühere Trainings",
    status: { queued: "Wartet", running: "Läuft", done: "Fertig", failed: "Fehlgeschlagen", cancelled: "Abgebrochen" },
    decisions: { activated: "aktiviert", declined: "nicht aktiviert" },
    line: (count, from) => `${cells(count)}, ausgehend von ${from}`,
    lot: (seed) => `Los ${seed}`,
    decided: (what, by, at, reason) => `${what} von ${by} am ${at}: ${reason}`,
  },
};
