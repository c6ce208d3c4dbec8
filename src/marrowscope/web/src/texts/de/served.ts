/** What the service names or says, in German: by its codes, else as it was said. */
import { interval, number, plural } from "../../locale";
import type { Texts } from "../../strings";

const types: Texts["served"]["types"] = {
  blast: ["Blasten", "BLA"],
  myeloblast: ["Myeloblasten", "MYB"],
  lymphoblast: ["Lymphoblasten", "LYB"],
  monoblast: ["Monoblasten", "MOB"],
  megakaryoblast: ["Megakaryoblasten", "MKB"],
  promyelocyte: ["Promyelozyten", "PRO"],
  myelocyte: ["Myelozyten", "MYE"],
  metamyelocyte: ["Metamyelozyten", "MET"],
  band_neutrophil: ["Stabkernige", "STK"],
  segmented_neutrophil: ["Segmentkernige", "SEG"],
  eosinophil: ["Eosinophile", "EOS"],
  basophil: ["Basophile", "BAS"],
  mast_cell: ["Mastzellen", "MAS"],
  promonocyte: ["Promonozyten", "PMO"],
  monocyte: ["Monozyten", "MON"],
  lymphocyte: ["Lymphozyten", "LYM"],
  reactive_lymphocyte: ["Reaktive Lymphozyten", "RLY"],
  plasma_cell: ["Plasmazellen", "PLZ"],
  erythroblast: ["Erythroblasten", "ERY"],
  proerythroblast: ["Proerythroblasten", "PER"],
  basophilic_erythroblast: ["Basophile Normoblasten", "BNB"],
  polychromatophilic_erythroblast: ["Polychromatische Normoblasten", "PNB"],
  orthochromic_erythroblast: ["Orthochromatische Normoblasten", "ONB"],
  unclassified: ["Nicht klassifizierte kernhaltige Zellen", "?"],
  megakaryocyte: ["Megakaryozyten", "MEG"],
  macrophage: ["Makrophagen", "MAK"],
  osteoblast: ["Osteoblasten", "OSB"],
  osteoclast: ["Osteoklasten", "OSK"],
  stromal_cell: ["Stromazellen", "STR"],
  metastatic_cell: ["Metastasenzellen", "TUM"],
  smudge_cell: ["Gumprecht-Kernschollen", "GUM"],
  platelet: ["Thrombozyten", "THR"],
  artefact: ["Artefakte", "ART"],
};

const phrases: Texts["served"]["phrases"] = {
  "adequacy.adequate": "ausreichend", "adequacy.haemodilute": "mit Blut verdünnt", "adequacy.aspicular": "ohne Markbröckel", "adequacy.dry_tap": "Punctio sicca, Abrollpräparate untersucht",
  "adequacy.clotted": "geronnen", "adequacy.crushed": "Zellen gequetscht", "adequacy.poorly_stained": "schlecht gefärbt", "adequacy.aged": "Lagerungsartefakte",
  "cellularity.hypocellular": "für das Alter hypozellulär", "cellularity.normocellular": "für das Alter normozellulär", "cellularity.hypercellular": "für das Alter hyperzellulär", "cellularity.not_assessable": "nicht beurteilbar",
  "erythropoiesis.absent": "fehlt", "erythropoiesis.reduced": "vermindert", "erythropoiesis.normal": "mengenmäßig normal", "erythropoiesis.increased": "gesteigert",
  "erythropoiesis.normoblastic": "normoblastisch", "erythropoiesis.megaloblastic": "megaloblastär", "erythropoiesis.micronormoblastic": "mikronormoblastisch", "erythropoiesis.left_shifted": "linksverschoben",
  "erythropoiesis.dysplastic": "dysplastisch", "erythropoiesis.multinuclear": "mehrkernige Erythroblasten", "erythropoiesis.bridging": "Kernbrücken", "erythropoiesis.vacuolated": "vakuolisierte Erythroblasten",
  "granulopoiesis.absent": "fehlt", "granulopoiesis.reduced": "vermindert", "granulopoiesis.normal": "mengenmäßig normal", "granulopoiesis.increased": "gesteigert",
  "granulopoiesis.matures": "reift regelrecht aus", "granulopoiesis.left_shifted": "linksverschoben", "granulopoiesis.arrested": "Ausreifungsarrest", "granulopoiesis.dysplastic": "dysplastisch",
  "granulopoiesis.hypogranular": "hypogranuliert", "granulopoiesis.hypolobated": "Pseudo-Pelger-Kerne", "granulopoiesis.giant_forms": "Riesenmetamyelozyten und Riesenstabkernige", "granulopoiesis.abnormal_promyelocytes": "abnorme Promyelozyten", "granulopoiesis.eosinophils_abnormal": "abnorme Eosinophile",
  "monocytes.increased": "vermehrt", "monocytes.immature": "unreife Formen", "monocytes.dysplastic": "dysplastisch",
  "blasts.none_seen": "keine gesehen", "blasts.increased": "vermehrt", "blasts.auer_rods": "Auerstäbchen", "blasts.auer_bundles": "Bündel von Auerstäbchen", "blasts.granular": "granuliert",
  "blasts.agranular": "ohne Granula", "blasts.vacuolated": "vakuolisiert", "blasts.bilobed": "zweigelappte Kerne", "blasts.high_ratio": "schmaler Zytoplasmasaum",
  "megakaryocytes.absent": "fehlen", "megakaryocytes.reduced": "vermindert", "megakaryocytes.normal": "normal an Zahl", "megakaryocytes.increased": "vermehrt", "megakaryocytes.dysplastic": "dysplastisch",
  "megakaryocytes.micromegakaryocytes": "Mikromegakaryozyten", "megakaryocytes.hypolobated": "hypolobuliert", "megakaryocytes.separate_nuclei": "getrennte Kerne",
  "lymphocytes.normal": "normal", "lymphocytes.reduced": "vermindert", "lymphocytes.increased": "vermehrt", "lymphocytes.reactive": "reaktiv", "lymphocytes.atypical": "atypisch", "lymphocytes.hematogones": "Hämatogone",
  "plasma_cells.normal": "normal", "plasma_cells.increased": "vermehrt", "plasma_cells.clusters": "in Nestern", "plasma_cells.atypical": "atypisch",
  "neutrophils.normal": "normal", "neutrophils.reduced": "vermindert", "neutrophils.increased": "vermehrt", "neutrophils.left_shifted": "linksverschoben", "neutrophils.hypersegmented": "übersegmentiert",
  "neutrophils.toxic": "toxische Granulation", "neutrophils.hypogranular": "hypogranuliert", "neutrophils.hypolobated": "Pseudo-Pelger-Kerne",
  "red_cells.normal": "normal", "red_cells.anisocytosis": "Anisozytose", "red_cells.macrocytic": "makrozytär", "red_cells.microcytic": "mikrozytär", "red_cells.hypochromic": "hypochrom", "red_cells.polychromatic": "polychromatische Zellen",
  "red_cells.teardrops": "Dakryozyten", "red_cells.fragments": "Fragmentozyten", "red_cells.rouleaux": "Geldrollenbildung", "red_cells.erythroblasts": "Erythroblasten",
  "platelets.normal": "normal", "platelets.reduced": "vermindert", "platelets.increased": "vermehrt", "platelets.giant": "Riesenthrombozyten", "platelets.hypogranular": "hypogranuliert", "platelets.clumped": "Aggregate",
  "other_cells.mast_cells": "Mastzellen vermehrt", "other_cells.macrophages": "Makrophagen vermehrt", "other_cells.haemophagocytosis": "Hämophagozytose", "other_cells.storage_cells": "Speicherzellen", "other_cells.metastatic": "knochenmarkfremde Zellen in Verbänden", "other_cells.parasites": "Parasiten",
  "iron.not_stained": "nicht gefärbt", "iron.absent": "Speichereisen fehlt", "iron.reduced": "Speichereisen vermindert", "iron.normal": "Speichereisen normal", "iron.increased": "Speichereisen vermehrt", "iron.ring_sideroblasts": "Ringsideroblasten",
};

const problems: Record<string, string> = {
  unauthenticated: "Nicht angemeldet",
  forbidden: "Nicht erlaubt",
  unconfirmed: "Bitte weisen Sie sich aus",
  "not-found": "Nicht gefunden",
  method: "Nicht erlaubt",
  conflict: "Inzwischen geändert, oder im jetzigen Zustand nicht möglich",
  locked: "Signiert und gesperrt",
  "open-points": "Noch sind Punkte offen",
  "same-name": "Ein anderes Bild trägt diesen Namen",
  precondition: "Inzwischen geändert",
  "too-large": "Zu groß",
  invalid: "So nicht verwendbar",
  malformed: "Anfrage nicht lesbar",
  busy: "Zu viele Anfragen",
  left: "Verbindung beendet",
  failure: "Fehlgeschlagen",
  inference: "Ein Netz ist fehlgeschlagen",
  unavailable: "Zurzeit nicht verfügbar",
};

const BASES = {
  reviewed: "Nach der Durchsicht",
  validated: "Nach den Fehlern, die in der Validierung dieses Labors gemessen wurden,",
  laboratories: "Wenn die Netze hier so irren wie in den gemessenen Laboren,",
};
const SIDES = { positive: "über", negative: "unter", indeterminate: "beiderseits von" };

const are = (count: number): string => (count === 1 ? "ist" : "sind");

/** The names with which the service ends a sentence, in brackets as there. */
const named = (said: string): string => / \(.+\)(?=\.$)/.exec(said)?.[0] ?? "";

export const served: Texts["served"] = {
  types,
  rules: { "over-20": "Mehr als 20 % Blasten (Vorgabe)", "who-2022": "WHO-Klassifikation, 5. Auflage (2022)", "icc-2022": "Internationale Konsensusklassifikation (2022)" },
  flags: {
    border: "vom Rand angeschnitten", repeated: "schon auf einem früheren Gesichtsfeld", uncertain: "unsicher", uncertain_blast: "fraglicher Blast", unfamiliar: "ungewohnt", reviewed: "durchgesehen", added: "hinzugefügt", deleted: "gelöscht",
    blank: "leer", out_of_focus: "unscharf", overexposed: "überbelichtet", underexposed: "unterbelichtet", low_contrast: "kontrastarm",
  },
  sections: {
    adequacy: "Material", cellularity: "Zellularität der Markbröckel", erythropoiesis: "Erythropoese", granulopoiesis: "Granulopoese", monocytes: "Monozyten", blasts: "Blasten", megakaryocytes: "Megakaryozyten",
    lymphocytes: "Lymphozyten", plasma_cells: "Plasmazellen", neutrophils: "Neutrophile", red_cells: "Erythrozyten", platelets: "Thrombozyten", other_cells: "Andere Zellen", iron: "Eisen (Berliner-Blau-Färbung)",
  },
  phrases,
  shares: {
    Counted: "Gezählt",
    Reviewed: "Durchgesehen",
    "By this laboratory's validation": "Nach der Validierung dieses Labors",
    "If this laboratory is like those measured": "Wenn dieses Labor den gemessenen gleicht",
    Corrected: "Korrigiert",
  },
  condition: (sign, percent) => `Blasten ${sign} ${percent} %`,
  // "under 5 %", "5 to 9 % (MDS-IB1) or 10 to 19 % (MDS-IB2)"
  band: (said) => said.replaceAll("under", "unter").replaceAll(" to ", "–").replaceAll(" or ", " oder "),
  why: ({ decision, decided_by, adjusted_low, adjusted_high, counted, why }, floor, threshold) => {
    if (decision === "insufficient") return `Nur ${plural(counted, "Zelle ist", "Zellen sind")} gezählt; unter ${number(floor)} wird nicht entschieden.`;
    if (decided_by === "none") return "Wie oft die Netze in anderen Laboren irren, ist nicht bekannt; ihre Zählung allein entscheidet deshalb nichts.";
    if (adjusted_low === null || adjusted_high === null) return why;
    if (adjusted_low <= 0 && adjusted_high >= 100) return `${BASES[decided_by]} ist bei dieser Zählung jeder Blastenanteil möglich.`;
    const confirm = decided_by === "laboratories" && decision !== "indeterminate" ? " Das ist eine Triage: Bestätigen Sie sie durch Durchsicht." : "";
    return `${BASES[decided_by]} liegt der Blastenanteil bei ${interval(adjusted_low, adjusted_high)}, ${SIDES[decision]} ${threshold} %.${confirm}`;
  },
  point: ({ id, text, count }, target) => {
    const said: Record<string, string> = {
      unclassified: `${plural(count, "gezählte Zelle", "gezählte Zellen")} ${are(count)} nicht klassifiziert.`,
      uncertain_blasts: `${plural(count, "Zelle", "Zellen")} ${are(count)} vielleicht Blasten, und niemand hat sie benannt.`,
      review: `Keine Durchsicht entscheidet: Weder ${number(count)} ausgeloste noch alle Zellen sind mit dem Auge benannt.`,
      few_cells: `${plural(count, "Zelle", "Zellen")} ${are(count)} gezählt; empfohlen sind ${number(target)}.`,
      one_field: "Alle Zellen stammen aus einem Gesichtsfeld.",
      megakaryocytes: `${plural(count, "Kandidat für Megakaryozyten", "Kandidaten für Megakaryozyten")} ${are(count)} weder bestätigt noch verworfen.`,
      requests: `${plural(count, "Anfrage an Kollegen", "Anfragen an Kollegen")} ${are(count)} nicht beantwortet${named(text)}.`,
    };
    return said[id] ?? text;
  },
  problem: ({ type, detail, title }) => [problems[type ?? ""], detail || title].filter(Boolean).join(": "),
};
