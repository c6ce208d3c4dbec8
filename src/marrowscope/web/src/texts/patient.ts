/** Texts of a patient's page, except the review of its cells. */
import type { LostAnswer, Signed } from "../api/shapes";
import { number, plural } from "../locale";

export const patient = {
  tabs: { review: "Cells", case: "Case", fields: "Fields", readings: "Readings", versions: "Report", audit: "History" },
  analyse: "Analyse",
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
    amended: "The report was reopened: what you see now is not signed yet.",
    superseded: "A newer analysis is not signed yet. The signed versions are under “Report”.",
  } satisfies Record<Signed["state"], string>,
  addedSince: (count: number) => `${plural(count, "field was", "fields were")} added after the signature.`,
  added: (count: number) => `${plural(count, "field was", "fields were")} added and ${count === 1 ? "is" : "are"} not read yet.`,
  readAdded: (count: number): string => (count === 1 ? "Read it" : "Read them"),
  viewerOnly: "You can view this patient but not change anything (viewer).",
  progress: (done: number, total: number) => `${number(done)} of ${plural(total, "field", "fields")} read`,
  found: (cells: number, blasts: number) => `${plural(cells, "cell", "cells")} so far, ${plural(blasts, "blast", "blasts")} among them`,
  notAnalysed: "Not analysed yet.",
  noCells: "There are no cells to review yet.",
  remove: "Delete patient",
  removeLead: "The images and all results are permanently deleted. The history records who deleted them, when and why.",
  networks: "Networks",
  scale: "Scale",
};

export const again = {
  title: "Analyse again",
  lead: "A new analysis replaces this one. Fields that the same networks have read at the same settings are taken over as they were read.",
  fields: (taken: number, all: number) => `${number(taken)} of ${plural(all, "field", "fields")} need not be read again, unless you change networks or scale.`,
  readAgain: "Read these fields again, too",
  versions: (count: number) => `${plural(count, "signed version stays", "signed versions stay")} as signed, with all files, under “Report”.`,
  answers: (count: number) => `${plural(count, "answer is", "answers are")} carried over to the cells detected in the same place.`,
  comments: (count: number) => `${plural(count, "comment is", "comments are")} carried over.`,
  requests: (count: number) => `${plural(count, "request to a colleague goes", "requests to colleagues go")} with the cells.`,
  none: "No cell has an answer yet, so nothing has to be carried over.",
  lost: "Answers for which no cell is detected again are listed afterwards.",
  withImages: "Adding images starts a new analysis.",
};

export const carried = {
  title: (count: number) => `${plural(count, "cell keeps", "cells keep")} what was said of ${count === 1 ? "it" : "them"} before.`,
  fields: (read: number, taken: number) => `${plural(read, "field was", "fields were")} read, ${number(taken)} taken over as read before.`,
  lost: (count: number) => `${plural(count, "answer", "answers")} could not be carried over`,
  lead: "Review these cells again. The previous analysis keeps the answers.",
  field: "Field", cell: "Cell", answer: "Answer", by: "By", why: "Why",
  deleted: "no cell",
  comments: (count: number) => plural(count, "comment", "comments"),
  requests: (count: number) => plural(count, "request", "requests"),
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
} satisfies Record<string, string>;

export const readings = {
  lead: "A second reader names the cells without seeing the first reader’s answers. Afterwards, both readings are compared.",
  first: "First reading (shared)",
  second: (who: string) => `Second reading, ${who}`,
  open: "open",
  finished: "finished",
  openSecond: "Start a blind second reading",
  finish: "Finish my reading",
  finishLead: "A finished reading can be compared but no longer changed.",
  resume: "Continue reading",
  reader: "Reader",
  agreement: "Agreement",
  notYet: "There is no finished second reading to compare.",
  hidden: "The other reading is hidden until you finish yours.",
  kappa: "Cohen’s kappa",
  bothAnswered: "Both readers, on the cells that both named or confirmed",
  withNetworks: "Agreement with the networks",
  withNetworksLead: "This is not agreement between people. Each reader is compared on the cells that they named or confirmed themselves.",
  readerAndNetworks: (reader: string) => `${reader} and the networks`,
  agreed: (agreed: number, cells: number) => `same type for ${number(agreed)} of ${plural(cells, "cell", "cells")}`,
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
  passwordWhy: "Asked for again, so that nobody else can sign in your name.",
  signOnWhy: "So that nobody else can sign in your name, identify yourself again; you will return here.",
  signing: "The report is being made and signed. You can close this dialog; signing goes on.",
  stale: "The result changed while you were signing. Check it again before you sign.",
  unsent: "Some changes are not saved yet. Wait until they are, then sign.",
  open: "Still open",
  openLead: "Go back and answer each point, or say why it may stay open. The reasons are printed with the signature.",
  openReason: "Why it may stay open",
  oneReason: "One reason for all points",
  amendTitle: "Amend a signed report",
  amendLead: "The signed version is kept unchanged. The next signature creates a new version.",
  reason: "Reason for the amendment",
  amendSubmit: "Reopen",
};

export const versions = {
  title: "Signed versions",
  none: "Not signed yet.",
  version: "Version", reason: "Reason", digest: "SHA-256 of the data",
  current: "Current state, unsigned",
  analysed: (at: string, bundle: string) => `Analysis of ${at} · ${bundle}`,
  superseded: "replaced by a later version",
  earlier: "of an earlier analysis",
  amended: "Reopened",
};

export const fieldsPage = {
  none: "No images yet. Drop them here.",
  statuses: { stored: "stored", read: "read", failed: "failed", duplicate: "same as another", replaced: "replaced" },
  remove: "Remove",
  slides: "Whole slides",
  slideArea: (taken: number, countable: number, tiles: number) =>
    `${number(taken, 2)} of ${number(countable, 2)} mm² in which cells lie in one layer: ${plural(tiles, "tile", "tiles")}, the fields below`,
  slideOverview: (name: string) => `Overview of ${name}: in green where cells lie in one layer, in blue the tiles taken`,
  look: "Look at the slide",
};

export const audit = {
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
    "request.": "Requests",
    "patient.tag patient.untag": "Tags",
    "user. token.": "Accounts",
    "teaching. bundle.": "Networks",
    "control. proficiency.": "Quality",
  } satisfies Record<string, string>,
  actions: {
    "analysis.amend": "Report reopened", "analysis.ask": "Analysis requested", "analysis.cancelled": "Analysis cancelled", "analysis.carry": "Answers carried over",
    "patient.describe": "Case details changed", "analysis.done": "Analysis done", "analysis.failed": "Analysis failed", "analysis.retry": "Failed fields retried", "analysis.sign": "Signed", "analysis.start": "Analysis started",
    "atlas.pin": "Pinned to the atlas", "atlas.unpin": "Taken out of the atlas",
    "cell.add": "Cell added", "cell.carry": "Answer carried over", "cell.comment": "Comment", "cell.review": "Cell named",
    "control.acknowledge": "Alarm acknowledged", "control.add": "Control slide added", "control.mark": "Occasion of a control slide", "control.remove": "Control slide removed", "control.target_gone": "Expected case of a control slide deleted",
    "field.remove": "Image removed", "field.replace": "Image replaced", "files.add": "Images added",
    "patient.add": "Patient added", "patient.delete": "Patient deleted", "patient.expire": "Images expired",
    "proficiency.finish": "Proficiency test finished", "proficiency.serve": "Case served", "proficiency.withdraw": "Served case withdrawn",
    "reading.answer": "Cell named (second reading)", "reading.finish": "Second reading finished", "reading.open": "Second reading opened",
    "request.answer": "Request answered", "request.ask": "Colleague asked", "request.close": "Request closed", "patient.tag": "Tag added", "patient.untag": "Tag removed",
    "report.export": "Report exported", "trail.export": "History exported", "trail.seal": "History sealed", "backup.restore": "Backup restored",
    "session.close": "Logged out", "session.open": "Logged in", "session.refuse": "Log-in refused",
    "bundle.activate": "Networks activated", "teaching.ask": "Teaching started", "teaching.done": "Teaching done", "teaching.failed": "Teaching failed", "teaching.cancelled": "Teaching cancelled", "teaching.decline": "New networks declined",
    "token.add": "Token created", "token.remove": "Token revoked", "user.add": "User added", "user.change": "User changed", "user.password": "Password changed",
  } satisfies Record<string, string>,
  export: "Export (JSON lines)",
};
