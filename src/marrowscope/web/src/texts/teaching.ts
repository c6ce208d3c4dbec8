// English texts of the page on which the networks are taught.
import { number, plural } from "../locale";

const cells = (count: number): string => plural(count, "cell", "cells");
const patients = (count: number): string => plural(count, "patient", "patients");

export const teaching = {
  tab: "Networks",

  active: {
    title: "Networks of new analyses",
    chosen: (by: string, at: string, reason: string) => `Activated by ${by} on ${at}: ${reason}`,
    builtIn: "The networks of the installation; nobody has activated others.",
    fixed: "The settings of this server name these networks (MARROWSCOPE_BUNDLE). They cannot be taught or changed here.",
    validated: "Validated in this laboratory.",
    notValidated: "Not validated in this laboratory.",
    goBack: (name: string) => `Go back to ${name}`,
    goBackLead: "New analyses use these networks from then on. Analyses made before keep theirs. A validation holds for the networks it was made with.",
    reason: "Reason",
  },

  choose: {
    title: "Teach the networks your signed cases",
    lead: "The networks learn the stain and camera of your laboratory from the cells that readers named in signed cases. Some patients, drawn by lot, are kept out: the new networks are compared with the present ones on their cells.",
    since: "Signed from", until: "Signed until",
    all: "All cases", case: "Case", signed: "Signed", cells: "Named cells", blasts: "Blasts", note: "Note",
    learned: "The present networks have learned from this patient",
    unusable: (count: number) => `${cells(count)} of types that these networks cannot learn`,
    empty: "No signed case has cells that readers named, with images that are still kept.",
    none: "Choose at least one case.",
    start: "Start teaching",
    time: "It takes minutes. Analyses go first, and the page can be left.",
  },

  outlook: {
    sum: (count: number, blasts: number, people: number, laboratories: string) => `${cells(count)}, ${number(blasts)} of them blasts, of ${patients(people)} of ${laboratories}.`,
    one: "All are of one laboratory: what is measured on them says nothing about others.",
    thin: (each: number, people: number) => `This is little. A gain was measured from ${number(each)} blasts and ${number(each)} other cells of ${patients(people)}, beside those that are kept out. The comparison will tell little, too.`,
    enough: "Enough to learn from and to compare on.",
    none: (why: string) => `Nothing can be learned from these cases: ${why}.`,
    types: "Cells of each type",
  },

  progress: {
    title: (place: number) => `Teaching ${place}`,
    queued: "Waiting for the server.",
    looking: (done: number, total: number) => `Step 1 of 2: looking at the cells (${number(done)} of ${number(total)})`,
    learning: (done: number, total: number) => `Step 2 of 2: learning and comparing (${number(done)} of ${number(total)} parts)`,
    ofStep: (left: string) => `${left} for this step`,
    lot: (learned: number, keptOut: number) => `Learns from ${patients(learned)}; ${patients(keptOut)} drawn by lot are kept out.`,
  },

  result: {
    title: (place: number) => `Result of teaching ${place}`,
    noGain: "The networks learned nothing that helps: on cells they had not learned from, the new ones were no better than the present ones. The present networks stay, and there is nothing to activate.",
    interval: (figure: string, low: string, high: string) => `${figure} (${low} to ${high})`,
    keptOut: (count: number, people: number) => `Cells kept out: ${cells(count)} of ${patients(people)}, drawn by lot. The new networks have not learned from them.`,
    figure: "Figure", n: "Cells", present: "Present", new: "New", gain: "Gain",
    names: {
      auc: "Blasts ranked above others (AUC)", balanced_accuracy: "Blasts or not (balanced accuracy)", sensitivity: "Blasts found (sensitivity)",
      specificity: "Other cells cleared (specificity)", type_accuracy: "Types named right, of cells that are no blasts",
    } as Record<string, string>,
    intervals: "In brackets: 95 % interval over the patients. A gain whose interval holds zero may be chance. Where there is no interval, it cannot be told from so few patients.",
    fewPatients: (people: number) => `The intervals are of ${patients(people)} only: they are rough.`,
    background: (auc: string, accuracy: string) => `The colour beside the cells alone reaches an AUC of ${auc} and a balanced accuracy of ${accuracy}: what the networks see of cells is what they have beyond that.`,
    replay: "What is kept of the laboratories taught before: how often the new networks say of cells drawn from the present networks' memory what those say.",
    kept: { blasts: "Called blasts as before", others: "Not called blasts as before", types: "Given the same type" } as Record<string, string>,
    share: "Kept",
    decide: "Activate the new networks?",
    consequences: "New analyses use them. Analyses made before, and signed reports, keep the networks they were made with.",
    validation: "The validation of the present networks does not hold for the new ones. Until the new ones are validated, counts are decided by review.",
    noLaboratories: (count: number) => `The present networks carry error rates of ${plural(count, "laboratory", "laboratories")} that such networks never saw. The new ones do not: those rates are of the present networks. Until the new ones are validated, counts are decided by review.`,
    own: "The new networks carry the figures above as their own, and no others.",
    activate: "Activate", decline: "Do not activate",
    activateTitle: "Activate the new networks", declineTitle: "Do not activate the new networks",
    declineLead: "The new networks are removed. The result stays in the list.",
    reason: "Reason",
  },

  past: {
    title: "Earlier teachings",
    status: { queued: "Waiting", running: "At work", done: "Done", failed: "Failed", cancelled: "Cancelled" } as Record<string, string>,
    decisions: { activated: "activated", declined: "not activated" } as Record<string, string>,
    line: (count: number, from: string) => `${cells(count)}, starting from ${from}`,
    lot: (seed: number) => `Lot ${seed}`,
    decided: (what: string, by: string, at: string, reason: string) => `${what} by ${by} on ${at}: ${reason}`,
  },
};
