import type { CellType } from "../../src/api/shapes";

const ROWS: [string, string, string, string, string, string, string?][] = [
  ["blast", "Blast", "BLA", "#d62728", "blast", "b"],
  ["myeloblast", "Myeloblast", "MYB", "#c21e56", "granulocytic", "y", "blast"],
  ["lymphoblast", "Lymphoblast", "LYB", "#e8505b", "lymphoid", "h", "blast"],
  ["promyelocyte", "Promyelocyte", "PRO", "#ff8c42", "granulocytic", "r"],
  ["myelocyte", "Myelocyte", "MYE", "#e6a700", "granulocytic", "m"],
  ["metamyelocyte", "Metamyelocyte", "MET", "#b8b000", "granulocytic", "t"],
  ["band_neutrophil", "Band neutrophil", "BAN", "#6aa84f", "granulocytic", "d"],
  ["segmented_neutrophil", "Segmented neutrophil", "SEG", "#2e8b57", "granulocytic", "s"],
  ["eosinophil", "Eosinophil", "EOS", "#c2571a", "granulocytic", "o"],
  ["basophil", "Basophil", "BAS", "#3f37c9", "granulocytic", "f"],
  ["mast_cell", "Mast cell", "MAS", "#5e548e", "granulocytic", "k"],
  ["promonocyte", "Promonocyte", "PMO", "#118ab2", "monocytic", "i"],
  ["monocyte", "Monocyte", "MON", "#023e8a", "monocytic", "c"],
  ["lymphocyte", "Lymphocyte", "LYM", "#3fa7f5", "lymphoid", "l"],
  ["plasma_cell", "Plasma cell", "PLC", "#b5179e", "lymphoid", "p"],
  ["erythroblast", "Erythroblast", "ERY", "#8d5b4c", "erythroid", "e"],
  ["unclassified", "Unclassified nucleated cell", "?", "#7f7f7f", "unknown", "u"],
  ["megakaryocyte", "Megakaryocyte", "MEG", "#9b5de5", "megakaryocytic", "g"],
  ["macrophage", "Macrophage", "MAC", "#577590", "monocytic", "q"],
  ["metastatic_cell", "Metastatic cell", "TUM", "#264653", "foreign", "z"],
  ["smudge_cell", "Smudge cell", "SMU", "#a8a8a8", "unknown", "x"],
  ["platelet", "Platelet", "PLT", "#bdb2ff", "megakaryocytic", "v"],
  ["artefact", "Artefact", "ART", "#bbbbbb", "foreign", "a"],
];

const UNCOUNTED = new Set(["megakaryocyte", "macrophage", "metastatic_cell", "smudge_cell", "platelet", "artefact"]);

export const TYPES: CellType[] = ROWS.map(([id, name, abbreviation, colour, lineage, key, parent]) => ({
  id,
  name,
  abbreviation,
  colour,
  lineage,
  key,
  parent: parent ?? null,
  is_blast: id.endsWith("blast") && id !== "erythroblast",
  is_counted: !UNCOUNTED.has(id),
}));
