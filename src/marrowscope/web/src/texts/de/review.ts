import { number, plural } from "../../locale";
import type { Texts } from "../../strings";

export const rail: Texts["rail"] = {
  label: "Zelltypen",
  all: "Alle Zellen",
  unsure: "Unsicherste Zellen",
  unsureWhy: "Die Zellen, bei denen die Netze am unsichersten sind; hier ändert eine Durchsicht die Zählung am ehesten.",
  lot: "Ausgeloste Zellen",
  lotWhy: "Ausgeloste Zellen. Sind sie durchgesehen, lässt sich der Anteil aller Zellen mit seinem Intervall erschließen, welche Fehler die Netze auch machen.",
  deleted: "Gelöscht",
  counted: "Gezählt",
  uncounted: "Nicht gezählt",
  reference: (name) => `Referenzzellen: ${name}`,
};

export const gallery: Texts["gallery"] = {
  layout: "Anordnung",
  galleryOnly: "Galerie",
  both: "Beides",
  fieldOnly: "Feld",
  sort: "Reihenfolge",
  orders: { surest: "Sichere zuerst", unsurest: "Unsichere zuerst", place: "Nach Gesichtsfeld" },
  selected: (count) => `${number(count)} ausgewählt`,
  undo: "Rückgängig",
  redo: "Wiederholen",
  next: "Unsicher",
  empty: "Keine Zellen.",
  option: (type, probability, place, state) => `${type}, ${probability}, ${place}${state ? `, ${state}` : ""}`,
  confirmed: "bestätigt",
  changed: "geändert",
  struck: "gelöscht",
  byHand: "von Hand hinzugefügt",
  aside: "nicht gezählt",
  noneLeft: "Alle Zellen sind durchgesehen.",
  signed: "Signiert: zuerst berichtigen.",
  lotDone: "Alle ausgelosten Zellen sind durchgesehen.",
};

export const saving: Texts["saving"] = {
  saved: "Alle Änderungen gespeichert",
  saving: (count) => `${plural(count, "Änderung wird", "Änderungen werden")} gespeichert …`,
  offline: (count) => `Keine Verbindung. ${plural(count, "Änderung wartet", "Änderungen warten")} auf das Senden.`,
  conflict: (count) => `${plural(count, "Zelle wurde", "Zellen wurden")} von jemand anderem geändert.`,
  refused: (count, reason) => `${plural(count, "Änderung wurde", "Änderungen wurden")} abgelehnt: ${reason}`,
  others: (count, who, type) => `${plural(count, "Zelle wurde", "Zellen wurden")}${who ? ` von ${who}` : ""} geändert${type ? `: ${type}` : ""}.`,
  resolve: "Klären",
  drop: "Diese Änderungen verwerfen",
};

export const conflict: Texts["conflict"] = {
  title: "Jemand anderes hat dieselben Zellen geändert",
  lead: "Ihre Antworten sind nicht gespeichert. Wählen Sie für jede Zelle, welche Antwort gelten soll.",
  theirs: (who) => `Antwort von ${who}`,
  mine: "Ihre Antwort",
  keepTheirs: "Die andere",
  keepMine: "Meine",
  allTheirs: "Überall die andere",
  allMine: "Überall meine",
  somebody: "jemand anderem",
};

export const viewer: Texts["viewer"] = {
  label: "Gesichtsfeld",
  previous: "Voriges Gesichtsfeld",
  next: "Nächstes Gesichtsfeld",
  add: "Zelle hinzufügen",
  adding: "Ziehen Sie einen Rahmen um die übersehene Zelle. Esc beendet.",
  addingKeys: "Pfeiltasten bewegen den Rahmen, mit Umschalt ändern sie seine Größe. Die Taste eines Zelltyps fügt die Zelle hinzu, die Eingabetaste ohne Zelltyp, Esc beendet.",
  edit: "Rahmen ändern",
  editWhy: "Den Rahmen der ausgewählten Zelle berichtigen. Der Rahmen der Netze bleibt, als gelöscht markiert.",
  editing: "Ziehen Sie eine Ecke oder den ganzen Rahmen.",
  editingKeys: "Pfeiltasten bewegen ihn, mit Umschalt ändern sie seine Größe, Esc beendet.",
  measure: "Messen",
  measuring: "Von Ende zu Ende ziehen.",
  measuringKeys: "Pfeiltasten bewegen das Ende, mit Umschalt den Anfang, Esc beendet.",
  overview: "Alle Gesichtsfelder",
  overviewCells: (cells, blasts) => `${plural(cells, "Zelle", "Zellen")}${blasts ? `, ${plural(blasts, "Blast", "Blasten")}` : ""}`,
  readout: (type, width, height) => `${type}: Rahmen ${number(width, 1)} × ${number(height, 1)} µm`,
  name: "Typ der neuen Zelle",
  strike: "Löschen",
  restore: "Wiederherstellen",
  field: (name, index, all) => `${name} (${number(index)} von ${number(all)})`,
  unknownScale: "Maßstab unbekannt",
  noFields: "Kein Gesichtsfeld ist gelesen.",
};

export const look: Texts["look"] = {
  title: "Darstellung der Bilder",
  open: "Bild",
  brightness: "Helligkeit",
  contrast: "Kontrast",
  gamma: "Gamma",
  boxes: "Rahmen im Gesichtsfeld",
  labels: "Beschriftung der Rahmen",
  reset: "Zurücksetzen",
  lead: "Nur die Anzeige ändert sich; die Netze lesen das Original.",
};

export const inspector: Texts["inspector"] = {
  label: "Ausgewählte Zelle",
  none: "Keine Zelle ausgewählt.",
  several: (count) => `${number(count)} Zellen ausgewählt`,
  network: (type, probability) => `Netze: ${type}, ${probability}`,
  addedByHand: "Von Hand hinzugefügt",
  notReviewed: "Noch nicht durchgesehen",
  second: (type, probability) => `Zweiter Vorschlag: ${type}, ${probability}`,
  blast: (probability) => `Blast mit Wahrscheinlichkeit ${probability}`,
  place: (field, cell) => `${field}, Zelle ${cell}`,
  confirm: "Bestätigen",
  takeBack: "Zurücknehmen",
  showInField: "Im Gesichtsfeld",
  by: (who, at) => `${who}, ${at}`,
};

export const comments: Texts["comments"] = {
  placeholder: "Kommentar hinzufügen",
  keys: "Strg + Eingabe fügt den Kommentar hinzu, Esc geht zurück zu den Zellen",
  add: "Hinzufügen",
};

export const differential: Texts["differential"] = {
  title: "Differenzierung",
  model: "Netze allein",
  blasts: "Blasten",
  shares: "Anteile",
  decides: "entscheidet",
  countedShare: "gezählt",
  nothingDecides: "Noch entscheidet nichts",
  counted: (count, target) => `${number(count)} von ${plural(target, "Zelle", "Zellen")}`,
  lot: (answered, wanted) => `Ausgelost: ${number(answered)} von ${number(wanted)}`,
  reviewedCells: (count) => `${number(count)} durchgesehen`,
  type: "Zelltyp",
  count: "n",
  share: "%",
  interval: "95 %",
  modelCount: "Netz",
  leftOut: { border: "Vom Bildrand angeschnitten", repeated: "Schon auf einem früheren Gesichtsfeld" },
  meRatio: "M:E-Verhältnis",
  meCells: (ratio, myeloid, erythroid) => `${number(ratio, 1)} (${number(myeloid)} zu ${plural(erythroid, "Erythroblast", "Erythroblasten")})`,
  per100: "Erythroblasten pro 100 Leukozyten",
  reasons: "Gründe",
  alternatives: "Andere Regeln",
  more: (count) => `Etwa ${plural(count, "weitere Zelle", "weitere Zellen")} würden es entscheiden.`,
  tooFew: (count) => `Mindestens ${plural(count, "weitere Zelle muss", "weitere Zellen müssen")} gezählt werden, um überhaupt zu entscheiden.`,
  inferred: "Aus der Stichprobe erschlossener Anteil",
  inferredCells: (count) => `aus ${plural(count, "durchgesehenen, ausgelosten Zelle", "durchgesehenen, ausgelosten Zellen")}`,
  suggested: (count) => `${plural(count, "vorgeschlagene Zelle", "vorgeschlagene Zellen")} durchsehen`,
  allSuggested: "Alle vorgeschlagenen Zellen sind durchgesehen",
  barLabel: (percent, interval, condition) => `Blasten ${percent}, 95-%-Intervall ${interval}; ${condition}`,
};

export const help: Texts["help"] = {
  title: "Tasten",
  moving: "Bewegen",
  changing: "Ändern",
  looking: "Ansehen",
  caps: { Ctrl: "Strg", Shift: "Umschalt", Space: "Leertaste", Home: "Pos1", End: "Ende", PgUp: "Bild ↑", PgDn: "Bild ↓", Del: "Entf", Ins: "Einfg" },
  rows: {
    arrows: "nächste Zelle in dieser Richtung, in Galerie und Gesichtsfeld", shiftArrows: "Bereich auswählen", ctrlArrows: "bewegen ohne auszuwählen; im Gesichtsfeld den Ausschnitt verschieben", space: "auswählen oder abwählen", selectAll: "alle gezeigten auswählen", home: "erste, letzte",
    page: "eine Seite zurück, vor", next: "Zelle, bei der die Netze am unsichersten sind", lot: "nächste ausgeloste Zelle", bins: "voriger, nächster Zelltyp", escape: "zurück zu den Zellen",
    confirm: "gezeigten Zelltyp bestätigen", strike: "löschen (keine Zelle)", back: "Antwort zurücknehmen", undo: "rückgängig", redo: "wiederholen", comment: "Kommentar",
    compare: "Referenzzellen neben der Zelle", size: "größer, kleiner: Bilder, oder das Gesichtsfeld, wenn es den Fokus hat", show: "im Gesichtsfeld zeigen", fields: "voriges, nächstes Gesichtsfeld", fit: "ganzes Gesichtsfeld", add: "Zelle hinzufügen", help: "diese Liste",
  },
};

export const compare: Texts["compare"] = {
  label: "Referenzzellen der fraglichen Zelltypen",
  open: "Vergleichen",
  none: "Noch kein Bild dieses Zelltyps.",
  kinds: { pinned: "Hier angeheftet", imported: "Offene Sammlung", drawn: "Gezeichnet" },
  pin: "An den Atlas heften",
  unpin: "Aus dem Atlas nehmen",
  pinWhy: "Alle sehen diese signierte Zelle dann als Beispiel ihres Zelltyps.",
};
