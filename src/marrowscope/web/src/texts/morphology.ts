// English criteria of the cell types, each after its source, and how types that look alike are told apart.

const MUFTI = "Mufti et al., Haematologica 2008;93:1712";
const GOASGUEN = "Goasguen et al., Haematologica 2009;94:994";
const PALMER = "Palmer et al. (ICSH), Int J Lab Hematol 2015;37:287";
const LEE = "Lee et al. (ICSH), Int J Lab Hematol 2008;30:349";
const BAIN = "Bain, Blood Cells, 6th ed.";

export interface Criteria {
  text: string;
  source: string;
}

const after = (source: string, text: string): Criteria => ({ text, source });

export const morphology = {
  blast: after(MUFTI, "Large cell, high nucleus-to-cytoplasm ratio; fine, dispersed chromatin; one or more nucleoli; basophilic cytoplasm, few or no granules, no pale Golgi zone."),
  myeloblast: after(MUFTI, "Blast with fine chromatin and distinct nucleoli; no or some azurophilic granules, possibly an Auer rod; no pale area beside the nucleus."),
  lymphoblast: after(BAIN, "Small to medium-sized blast with scant cytoplasm; chromatin slightly coarser than in a myeloblast; faint nucleoli; no granules."),
  monoblast: after(GOASGUEN, "Large blast, round nucleus with lacy chromatin and a prominent nucleolus; abundant, greyish-blue cytoplasm."),
  megakaryoblast: after(BAIN, "Blast with dense chromatin and basophilic, granule-free cytoplasm, often with blebs."),
  promyelocyte: after(MUFTI, "Larger than a myeloblast; eccentric round nucleus, nucleolus still visible; many azurophilic granules and a pale Golgi zone."),
  myelocyte: after(BAIN, "Round to oval, eccentric nucleus without nucleolus, coarser chromatin; specific granules in a pink to lilac cytoplasm."),
  metamyelocyte: after(PALMER, "Kidney-shaped nucleus, indented by less than half; condensed chromatin; cytoplasm as in the mature cell."),
  band_neutrophil: after(PALMER, "Nucleus a band or U, indented by more than half, without a thread between lobes."),
  segmented_neutrophil: after(PALMER, "Two to five lobes joined by threads of chromatin; pale pink cytoplasm with fine granules."),
  eosinophil: after(BAIN, "Large, round, orange granules that fill the cytoplasm; nucleus usually with two lobes."),
  basophil: after(BAIN, "Coarse, dark violet granules over nucleus and cytoplasm."),
  mast_cell: after(BAIN, "Round or spindle-shaped; small round nucleus; cytoplasm packed with dark granules."),
  promonocyte: after(GOASGUEN, "Delicately folded nucleus, fine chromatin, possibly a nucleolus; counted as a blast where the classification requires it."),
  monocyte: after(GOASGUEN, "Folded or lobed nucleus with condensed, lacy chromatin; grey-blue cytoplasm with vacuoles and fine granules."),
  lymphocyte: after(BAIN, "Small, round, dense nucleus; a narrow rim of clear blue cytoplasm; granules in some."),
  reactive_lymphocyte: after(PALMER, "Large, with abundant, often deep blue cytoplasm that clings to red cells; nucleus irregular, chromatin coarser than in a blast."),
  plasma_cell: after(BAIN, "Eccentric nucleus with clumped chromatin; deep blue cytoplasm and a pale area beside the nucleus."),
  erythroblast: after(LEE, "Round nucleus, chromatin from fine to dense; cytoplasm from deep blue to pink without granules."),
  proerythroblast: after(BAIN, "Large, round nucleus with fine chromatin and nucleoli; deeply basophilic cytoplasm."),
  basophilic_erythroblast: after(BAIN, "Round nucleus, chromatin beginning to clump, no nucleolus; deep blue cytoplasm."),
  polychromatophilic_erythroblast: after(BAIN, "Smaller nucleus with clumped chromatin; grey to lilac cytoplasm."),
  orthochromic_erythroblast: after(BAIN, "Small, dense nucleus; cytoplasm nearly the pink of a red cell."),
  unclassified: after(LEE, "A nucleated cell that cannot be named with confidence; it stays in the denominator."),
  megakaryocyte: after(LEE, "Very large cell with a lobed nucleus and granular, pink-violet cytoplasm."),
  macrophage: after(LEE, "Large cell, small round nucleus, abundant pale cytoplasm with vacuoles or debris."),
  osteoblast: after(LEE, "Resembles a large plasma cell, often in groups; the pale area is separated from the eccentric nucleus."),
  osteoclast: after(LEE, "Very large cell with many separate, similar nuclei."),
  stromal_cell: after(LEE, "Fat, endothelial or reticulum cell of the marrow stroma."),
  metastatic_cell: after(LEE, "Cell from outside the marrow, often in cohesive clusters with moulded nuclei."),
  smudge_cell: after(PALMER, "Bare or broken nucleus without cytoplasm."),
  platelet: after(PALMER, "Anucleate fragment, or a clump of them, with violet granules."),
  artefact: after(LEE, "Stain deposit, crushed material or anything else that is not a cell."),
} satisfies Record<string, Criteria>;

/** Pairs of types that are taken for each other, and what tells them apart. */
export const lookAlikes = {
  "blast promyelocyte": "A pale Golgi zone and many granules make it a promyelocyte; a blast has neither.",
  "blast lymphocyte": "Chromatin decides: fine and even with a nucleolus in a blast, dense and smudged in a lymphocyte.",
  "blast reactive_lymphocyte": "A reactive lymphocyte has more cytoplasm and coarser, uneven chromatin.",
  "blast monocyte": "A monocyte’s nucleus is folded and its chromatin condensed; in doubt look for the nucleolus.",
  "blast promonocyte": "A promonocyte’s nucleus is folded or creased, a blast’s is round or oval.",
  "blast proerythroblast": "A proerythroblast is rounder, its cytoplasm more deeply blue, without granules.",
  "blast erythroblast": "An erythroblast’s chromatin is clumped in a round nucleus, without a nucleolus.",
  "blast myelocyte": "A myelocyte has no nucleolus, coarser chromatin and specific granules.",
  "blast plasma_cell": "A plasma cell’s nucleus is eccentric with clumped chromatin, beside it a pale area.",
  "blast smudge_cell": "A smudge cell has no cytoplasm; what looks like fine chromatin is a burst nucleus.",
  "promyelocyte myelocyte": "Nucleolus and granules over the nucleus: promyelocyte. Specific granules, no nucleolus: myelocyte.",
  "myelocyte metamyelocyte": "As soon as the nucleus is indented, it is a metamyelocyte.",
  "metamyelocyte band_neutrophil": "Indented by more than half of the nucleus: band.",
  "metamyelocyte monocyte": "A monocyte has grey-blue cytoplasm and lacy chromatin, a metamyelocyte pink cytoplasm.",
  "band_neutrophil segmented_neutrophil": "Only a thread of chromatin between lobes makes it segmented.",
  "eosinophil segmented_neutrophil": "Round, orange, light-breaking granules: eosinophil.",
  "basophil mast_cell": "A mast cell’s nucleus is small and round, and its granules leave it free.",
  "monocyte promonocyte": "Condensed chromatin, no nucleolus: monocyte.",
  "monocyte lymphocyte": "Lacy chromatin, folded nucleus, vacuoles: monocyte.",
  "monocyte reactive_lymphocyte": "A reactive lymphocyte’s cytoplasm is bluest at its edge; a monocyte’s is evenly grey.",
  "lymphocyte erythroblast": "An erythroblast’s nucleus is perfectly round, its cytoplasm grey to pink.",
  "lymphocyte smudge_cell": "Without a rim of cytoplasm it is a smudge cell.",
  "plasma_cell osteoblast": "The pale area touches the nucleus of a plasma cell, not that of an osteoblast.",
  "plasma_cell erythroblast": "An erythroblast’s nucleus lies in the middle; a plasma cell’s at the edge.",
} satisfies Record<string, string>;
