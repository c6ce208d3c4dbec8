/** Texts of the worklist and of sending images. */
import type { Signed } from "../api/shapes";
import { number, plural } from "../locale";

export const worklist = {
  title: "Worklist",
  search: "Search patients",
  all: "All",
  status: "Status",
  patient: "Patient",
  decision: "Decision",
  reviewed: "Reviewed",
  created: "Added",
  empty: "No patients yet",
  emptyLead: "Drop images of smears anywhere on this page. Individual files become one patient; each folder becomes a separate patient.",
  nothingFound: "No matching patients.",
  drop: "Drop to add images",
  more: "Show more",
  signedBy: (version: number, by: string) => `Version ${version}, ${by}`,
  signedBefore: {
    current: "",
    amended: "reopened, not signed yet",
    superseded: "newer analysis not signed",
  } satisfies Record<Signed["state"], string>,
  failedFields: (count: number) => plural(count, "field failed", "fields failed"),
  reviewedCells: (count: number) => (count === 0 ? "not yet" : plural(count, "cell", "cells")),
};

export const sameName = {
  title: (patient: string) => `${patient} has other images of the same name`,
  lead: (count: number) => (count === 1 ? "Another image is stored under this name:" : `Other images are stored under these ${number(count)} names:`),
  stays: "A replaced image stays with the analyses and signed reports that have read it. Later analyses read the new one.",
  replace: "Replace",
  keep: "Keep both",
  cancel: "Do not add",
  forAll: (count: number) => `For all ${number(count)} files`,
  more: (count: number) => `and ${number(count)} more`,
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
  start: "Analyse after upload",
  submit: "Upload",
  to: (name: string) => `Add images to ${name}`,
  unnamed: (at: string) => `case ${at}`,
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
    `${number(done)} of ${number(all)} sent${refused ? `, ${number(refused)} refused` : ""}`,
};
