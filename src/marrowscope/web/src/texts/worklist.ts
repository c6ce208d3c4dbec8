/** Texts of the worklist and of sending images. */
import type { Signed } from "../api/shapes";
import { plural } from "./plural";

export const worklist = {
  title: "Worklist",
  search: "Search patients",
  all: "All",
  status: "Status",
  patient: "Patient",
  blasts: "Blasts",
  decision: "Decision",
  reviewed: "Reviewed",
  created: "Added",
  add: "Add images",
  empty: "No patients yet",
  emptyLead: "Drop images of smears anywhere on this page. Individual files become one patient; each folder becomes a separate patient.",
  nothingFound: "No matching patients.",
  drop: "Drop to add images",
  more: "Show more",
  signedBy: (version: number, by: string) => `Version ${version}, ${by}`,
  signedBefore: {
    current: "",
    amended: "opened again, not signed yet",
    superseded: "newer analysis not signed",
  } satisfies Record<Signed["state"], string>,
  failedFields: (count: number) => plural(count, "field failed", "fields failed"),
  reviewedCells: (count: number) => (count === 0 ? "not yet" : plural(count, "cell", "cells")),
};

export const sameName = {
  title: (patient: string) => `${patient} has other images of the same name`,
  lead: (count: number) => (count === 1 ? "Another image is stored under this name:" : `Other images are stored under these ${count.toLocaleString("en")} names:`),
  stays: "A replaced image stays with the analyses and signed reports that have read it. Later analyses read the new one.",
  replace: "Replace",
  keep: "Keep both",
  cancel: "Do not add",
  forAll: (count: number) => `For all ${count.toLocaleString("en")} files`,
  more: (count: number) => `and ${count.toLocaleString("en")} more`,
};

export const upload = {
  title: "Add images",
  lead: "JPEG, PNG, TIFF, WebP or ZIP files. Enter a number, not a person’s name.",
  chooseFiles: "Choose files",
  chooseFolder: "Choose a folder",
  patientName: "Patient number",
  scale: "Scale (µm per pixel)",
  scaleHint: "Leave empty to measure it on the images",
  rule: "Rule",
  bundle: "Networks",
  start: "Analyse after upload",
  submit: "Upload",
  to: (name: string) => `Add images to ${name}`,
  panel: "Uploads",
  waiting: "waiting",
  stored: "stored",
  duplicate: "already present",
  refused: "refused",
  retrying: "no connection, retrying",
  lost: "not sent",
  asking: "same name, another image",
  left: "not added",
  clear: "Clear",
  stop: "Stop",
  started: "analysis started",
  nothingStored: "No file was stored, so no analysis was started.",
  summary: (done: number, all: number, refused: number) =>
    `${done.toLocaleString("en")} of ${all.toLocaleString("en")} sent${refused ? `, ${refused.toLocaleString("en")} refused` : ""}`,
  leaving: "Uploads are still in progress.",
};
