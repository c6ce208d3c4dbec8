/** Texts of a patient's page, except the review of its cells. */
import type { LostAnswer, Signed } from "../api/shapes";
import { plural } from "./plural";

export const patient = {
  tabs: { review: "Cells", case: "Case", fields: "Fields", readings: "Readings", versions: "Report", audit: "History" },
  analyse: "Analyse",
  analyseAgain: "Analyse again",
  cancelAnalysis: "Cancel analysis",
  retry: "Retry failed fields",
  sign: "Sign",
  amend: "Amend",
  exports: "Export",
  more: "More",
  signed: (version: number, by: string, at: string) => `Signed version ${version} · ${by} · ${at}`,
  locked: "This report is signed, so cells cannot be changed. To change them, amend the report.",
  notCurrent: {
    current: "",
    amended: "The report was opened again: what you see now is not signed yet.",
    superseded: "A newer analysis is not signed yet. The signed versions are under “Report”.",
  } satisfies Record<Signed["state"], string>,
  viewerOnly: "You can view this patient but not change anything (viewer).",
  progress: (done: number, total: number) => `${done.toLocaleString("en")} of ${plural(total, "field", "fields")} read`,
  found: (cells: number, blasts: number) => `${plural(cells, "cell", "cells")} so far, ${plural(blasts, "blast", "blasts")} among them`,
  notAnalysed: "Not analysed yet.",
  noCells: "There are no cells to review yet.",
  remove: "Delete patient",
  removeLead: "The images and all results are permanently deleted. The history records who deleted them, when and why.",
  removeReason: "Reason",
  networks: "Networks",
  scale: "Scale",
};

export const again = {
  title: "Analyse again",
  lead: "The networks read all images again, and the new analysis replaces this one.",
  versions: (count: number) => `${plural(count, "signed version stays", "signed versions stay")} as signed, with all files, under “Report”.`,
  answers: (count: number) => `${plural(count, "answer is", "answers are")} carried over to the cells detected in the same place.`,
  comments: (count: number) => `${plural(count, "comment is", "comments are")} carried over.`,
  none: "No cell has an answer yet, so nothing has to be carried over.",
  lost: "Answers for which no cell is detected again are listed afterwards.",
  submit: "Analyse again",
  withImages: "Adding images starts a new analysis.",
};

export const carried = {
  title: (count: number) => `${plural(count, "cell has", "cells have")} answers or comments from the previous analysis.`,
  lost: (count: number) => `${plural(count, "answer", "answers")} could not be carried over`,
  show: "Show",
  hide: "Hide",
  lead: "Review these cells again. The previous analysis keeps the answers.",
  field: "Field", cell: "Cell", answer: "Answer", by: "By", why: "Why",
  deleted: "no cell",
  comments: (count: number) => plural(count, "comment", "comments"),
  reasons: {
    "not read": "the image was replaced, or could not be read this time",
    "not found": "no cell was detected there again",
  } satisfies Record<LostAnswer["why"], string>,
};

export const exportsMenu = {
  "report.pdf": "Report (PDF)",
  "report.html": "Report (HTML)",
  "cells.csv": "All cells (CSV)",
  "patients.csv": "Summary (CSV)",
  "patients.xlsx": "Workbook (Excel)",
  "fhir.json": "Laboratory system (FHIR)",
  "training.zip": "Training set (ZIP)",
} as Record<string, string>;

export const readings = {
  title: "Readings",
  lead: "A second reader names the cells without seeing the first reader’s answers. Afterwards, both readings are compared.",
  first: "First reading (shared)",
  second: (who: string) => `Second reading, ${who}`,
  mine: "My second reading (blind)",
  open: "open",
  finished: "finished",
  openSecond: "Start a blind second reading",
  finish: "Finish my reading",
  finishLead: "A finished reading can be compared but no longer changed.",
  resume: "Continue reading",
  reader: "Reader", kind: "Kind", status: "Status", cells: "Cells",
  agreement: "Agreement",
  notYet: "There is no finished second reading to compare.",
  hidden: "The other reading is hidden until you finish yours.",
  kappa: "Cohen’s kappa",
  allCells: "All cells",
  bothAnswered: "Cells reviewed by both readers",
  agreed: (agreed: number, cells: number) => `same type for ${agreed.toLocaleString("en")} of ${plural(cells, "cell", "cells")}`,
  table: (rows: string, columns: string) => `Rows: ${rows}. Columns: ${columns}.`,
  blind: "Blind second reading: you see only the networks’ predictions.",
};

export const sign = {
  title: "Sign this report",
  lead: (who: string) => `You are signing as ${who}. The cells will then be locked; later changes require an amendment and create a new version.`,
  meaning: "Meaning",
  meanings: ["Reviewed and approved", "Reviewed, preliminary", "Approved as second reader"],
  ownMeaning: "Other …",
  password: "Your password",
  passwordWhy: "Asked for again, so that nobody else can sign in your name",
  signOnWhy: "So that nobody else can sign in your name, identify yourself again; you will return here.",
  submit: "Sign",
  signing: "The report is being made and signed. You can close this; it goes on.",
  stale: "The result changed while you were signing. Check it again before you sign.",
  unsent: "Some changes are not saved yet. Wait until they are, then sign.",
  open: "Still open",
  openLead: "Go back and answer each point, or say why it may stay open. The reasons are printed with the signature.",
  openReason: "Why it may stay open",
  amendTitle: "Amend a signed report",
  amendLead: "The signed version is kept unchanged. The next signature creates a new version.",
  reason: "Reason for the amendment",
  amendSubmit: "Reopen",
};

export const versions = {
  title: "Signed versions",
  none: "Not signed yet.",
  version: "Version", by: "Signed by", at: "Signed at", meaning: "Meaning", reason: "Reason", blasts: "Blasts", decision: "Decision", digest: "SHA-256 of the data",
  current: "Current state, unsigned",
  files: "Files",
  analysed: (at: string, bundle: string) => `Analysis of ${at} · ${bundle}`,
  superseded: "replaced by a later version",
  earlier: "of an earlier analysis",
  amended: "Opened again",
};

export const fieldsPage = {
  title: "Fields",
  none: "No images yet. Drop them here.",
  add: "Add images",
  size: "Size", scale: "Scale", cells: "Cells", status: "Status", remarks: "Remarks", name: "Field",
  statuses: { stored: "stored", read: "read", failed: "failed", duplicate: "same as another", replaced: "replaced" },
  remove: "Remove",
  open: "Open in viewer",
  slides: "Whole slides",
  slideArea: (taken: number, countable: number, tiles: number) =>
    `${taken.toFixed(2)} of ${countable.toFixed(2)} mm² in which cells lie in one layer: ${tiles} ${tiles === 1 ? "tile" : "tiles"}, the fields below`,
  slideOverview: (name: string) => `Overview of ${name}: in green where cells lie in one layer, in blue the tiles taken`,
  look: "Look at the slide",
};

export const audit = {
  title: "History",
  none: "No entries yet.",
  noneFound: "No matching entries.",
  at: "Time", actor: "User", action: "Action", subject: "What", before: "Before", after: "After", number: "No.",
  all: "All actions",
  since: "From", until: "To",
  csv: "Table (CSV)",
  unnamed: "as the networks",
  groups: {
    "cell. reading.": "Answers and readings",
    "analysis.sign analysis.amend": "Signatures",
    "report.export trail.export": "Exports",
    "session.": "Log-ins",
    "files. field.": "Images",
    "user. token.": "Accounts",
  } as Record<string, string>,
  actions: {
    "analysis.amend": "Report reopened", "analysis.ask": "Analysis asked for", "analysis.cancelled": "Analysis cancelled", "analysis.carry": "Answers carried over",
    "patient.describe": "Case stated", "analysis.done": "Analysis done", "analysis.failed": "Analysis failed", "analysis.retry": "Failed fields retried", "analysis.sign": "Signed", "analysis.start": "Analysis started",
    "atlas.pin": "Pinned to the atlas", "atlas.unpin": "Taken out of the atlas",
    "cell.add": "Cell drawn", "cell.carry": "Answer carried over", "cell.comment": "Comment", "cell.review": "Cell named",
    "field.remove": "Image removed", "field.replace": "Image replaced", "files.add": "Images added",
    "patient.add": "Patient added", "patient.delete": "Patient deleted", "patient.expire": "Images expired",
    "reading.answer": "Cell named (second reading)", "reading.finish": "Second reading finished", "reading.open": "Second reading opened",
    "report.export": "Report exported", "trail.export": "History exported", "trail.seal": "History sealed",
    "session.close": "Logged out", "session.open": "Logged in", "session.refuse": "Log-in refused",
    "token.add": "Token created", "token.remove": "Token revoked", "user.add": "User added", "user.change": "User changed", "user.password": "Password changed",
  } as Record<string, string>,
  export: "Export (JSON lines)",
  everything: "History of this installation",
};
