/** Texts of the review of cells: gallery, field, differential and their dialogs. */
import { plural } from "./plural";

export const rail = {
  label: "Cell types",
  all: "All cells",
  suggested: "Suggested for review",
  deleted: "Deleted (not cells)",
  counted: "Counted",
  uncounted: "Not counted",
  reference: (name: string) => `Examples of ${name}`,
};

export const gallery = {
  label: "Cells",
  layout: "Layout",
  galleryOnly: "Gallery",
  both: "Both",
  fieldOnly: "Field",
  sort: "Order",
  orders: { surest: "Most certain first", unsurest: "Least certain first", place: "By field" },
  size: "Picture size",
  selected: (count: number) => `${count.toLocaleString("en")} selected`,
  undo: "Undo",
  redo: "Redo",
  next: "Next uncertain",
  help: "Keys",
  empty: "No cells.",
  emptySuggested: "All suggested cells have been reviewed.",
  option: (type: string, probability: string, place: string, state: string) => `${type}, ${probability}, ${place}${state ? `, ${state}` : ""}`,
  confirmed: "confirmed",
  changed: "changed",
  struck: "deleted",
  byHand: "added by hand",
  aside: "at the edge, not counted",
  examples: "Examples",
  noneLeft: "All cells have been reviewed.",
};

export const saving = {
  saved: "All changes saved",
  saving: (count: number) => `Saving ${plural(count, "change", "changes")} …`,
  offline: (count: number) => `No connection. ${plural(count, "change waits", "changes wait")} to be sent.`,
  conflict: (count: number) => `${plural(count, "cell was", "cells were")} changed by someone else.`,
  refused: (count: number, reason: string) => `${plural(count, "change was", "changes were")} refused: ${reason}`,
  resolve: "Resolve",
  drop: "Discard these changes",
};

export const conflict = {
  title: "Someone else changed the same cells",
  lead: "Your answers have not been saved. Choose which answer to keep for each cell.",
  theirs: (who: string) => `${who}’s answer`,
  mine: "Your answer",
  keepTheirs: "Theirs",
  keepMine: "Mine",
  allTheirs: "Theirs for all",
  allMine: "Mine for all",
  somebody: "Someone else",
};

export const viewer = {
  label: "Field of view",
  previous: "Previous field",
  next: "Next field",
  fit: "Whole field",
  boxes: "Boxes",
  labels: "Labels",
  brightness: "Brightness",
  contrast: "Contrast",
  reset: "Reset",
  view: "View",
  add: "Add a cell",
  adding: "Draw a box around the missed cell. Press Esc to stop.",
  addingKeys: "Arrow keys move the box, Shift + arrow keys resize it, Enter adds it, Esc stops.",
  name: "Type of the new cell",
  strike: "Delete",
  restore: "Restore",
  field: (name: string, index: number, all: number) => `${name} (${index} of ${all})`,
  unknownScale: "scale unknown",
  noFields: "No fields have been read.",
};

export const inspector = {
  label: "Selected cell",
  none: "No cell selected.",
  several: (count: number) => `${count.toLocaleString("en")} cells selected`,
  network: (type: string, probability: string) => `Networks: ${type}, ${probability}`,
  addedByHand: "Added by hand",
  notReviewed: "Not reviewed yet",
  blast: (probability: string) => `Blast probability ${probability}`,
  place: (field: string, number: number) => `${field}, cell ${number}`,
  confirm: "Confirm",
  takeBack: "Withdraw",
  showInField: "Show in field",
  by: (who: string, at: string) => `${who}, ${at}`,
};

export const comments = {
  title: "Comments",
  placeholder: "Add a comment",
  add: "Add",
  none: "No comments yet.",
};

export const differential = {
  title: "Differential",
  reviewed: "Reviewed",
  model: "Networks alone",
  blasts: "Blasts",
  shares: "Shares",
  decides: "decides",
  countedShare: "counted",
  nothingDecides: "Nothing decides yet",
  counted: (count: number, target: number) => `${count.toLocaleString("en")} of ${plural(target, "cell", "cells")}`,
  reviewedCells: (count: number) => `${count.toLocaleString("en")} reviewed`,
  type: "Cell type",
  count: "n",
  share: "%",
  interval: "95 %",
  modelCount: "net",
  excluded: "Not counted",
  border: "Cut by the image’s edge",
  meRatio: "M:E ratio",
  lineages: "Lineages",
  reasons: "Reasons",
  alternatives: "Other rules",
  more: (count: number) => `About ${plural(count, "more cell", "more cells")} would settle the case.`,
  tooFew: (count: number) => `At least ${plural(count, "more cell", "more cells")} must be counted to decide at all.`,
  inferred: "Share inferred from a random sample",
  inferredCells: (count: number) => `from ${plural(count, "randomly chosen cell", "randomly chosen cells")} reviewed`,
  suggested: (count: number) => `Review ${plural(count, "suggested cell", "suggested cells")}`,
  allSuggested: "All suggested cells have been reviewed",
  total: "Counted",
  barLabel: (percent: string, interval: string, condition: string) => `Blasts ${percent}, 95 % interval ${interval}; ${condition}`,
};

export const help = {
  title: "Keys",
  classes: "Cell types",
  moving: "Moving",
  changing: "Changing",
  field: "Field of view",
  rows: {
    arrows: "move", shiftArrows: "select a range", ctrlArrows: "move without selecting", space: "select or unselect", selectAll: "select all shown", home: "first, last",
    next: "next uncertain cell", bins: "previous, next cell type", confirm: "confirm the type shown", strike: "delete (not a cell)", back: "withdraw an answer",
    undo: "undo", redo: "redo", size: "larger, smaller pictures", show: "show in field", comment: "comment", examples: "examples of this type", help: "this list",
    pan: "move the field", zoom: "zoom", fit: "whole field", page: "previous, next field", add: "add a cell",
  },
};

export const reference = {
  title: (name: string) => `${name}: what to look for`,
  confirmed: "Signed reports: cells confirmed by readers",
  here: "This patient: most certain predictions",
  none: "None yet.",
  counts: "Counted in the differential.",
  notCounted: "Not counted in the differential.",
  isBlast: "Counts as a blast.",
};
