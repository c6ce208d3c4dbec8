/** Texts of the review of cells: gallery, field, differential and their dialogs. */
import type { AtlasPicture } from "../api/shapes";
import { number, plural } from "../locale";

export const rail = {
  label: "Cell types",
  all: "All cells",
  unsure: "Least sure cells",
  unsureWhy: "The cells the networks are least sure of, where a review is most likely to change the count.",
  lot: "Cells drawn by lot",
  lotWhy: "Cells drawn by lot. Once they are reviewed, the share of all cells can be inferred with its interval, whatever errors the networks make.",
  deleted: "Deleted",
  counted: "Counted",
  uncounted: "Not counted",
  reference: (name: string) => `Reference cells: ${name}`,
};

export const gallery = {
  layout: "Layout",
  galleryOnly: "Gallery",
  both: "Both",
  fieldOnly: "Field",
  sort: "Order",
  orders: { surest: "Surest first", unsurest: "Least sure first", place: "By field" },
  selected: (count: number) => `${number(count)} selected`,
  undo: "Undo",
  redo: "Redo",
  next: "Least sure",
  empty: "No cells.",
  option: (type: string, probability: string, place: string, state: string) => `${type}, ${probability}, ${place}${state ? `, ${state}` : ""}`,
  confirmed: "confirmed",
  changed: "changed",
  struck: "deleted",
  byHand: "added by hand",
  aside: "not counted",
  noneLeft: "All cells have been reviewed.",
  signed: "Signed: amend it first.",
  lotDone: "All cells drawn by lot have been reviewed.",
};

export const saving = {
  saved: "All changes saved",
  saving: (count: number) => `Saving ${plural(count, "change", "changes")} …`,
  offline: (count: number) => `No connection. ${plural(count, "change waits", "changes wait")} to be sent.`,
  conflict: (count: number) => `${plural(count, "cell was", "cells were")} changed by someone else.`,
  refused: (count: number, reason: string) => `${plural(count, "change was", "changes were")} refused: ${reason}`,
  others: (count: number, who: string, type: string | null) => `${plural(count, "cell was", "cells were")} changed${who ? ` by ${who}` : ""}${type ? `: ${type}` : ""}.`,
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
  add: "Add a cell",
  adding: "Draw a box around the missed cell. Press Esc to stop.",
  addingKeys: "Arrow keys move the box, Shift + arrow keys resize it. The key of a type adds it, Enter adds it unclassified, Esc stops.",
  edit: "Edit box",
  editWhy: "Correct the box of the selected cell. The networks’ box is kept, marked as deleted.",
  editing: "Drag a corner or the whole box.",
  editingKeys: "Arrow keys move it, Shift + arrow keys resize it, Esc stops.",
  measure: "Measure",
  measuring: "Drag from end to end.",
  measuringKeys: "Arrow keys move the end, Shift + arrow keys the beginning, Esc stops.",
  overview: "All fields",
  overviewCells: (cells: number, blasts: number) => `${plural(cells, "cell", "cells")}${blasts ? `, ${plural(blasts, "blast", "blasts")}` : ""}`,
  readout: (type: string, width: number, height: number) => `${type}: box ${number(width, 1)} × ${number(height, 1)} µm`,
  name: "Type of the new cell",
  strike: "Delete",
  restore: "Restore",
  field: (name: string, index: number, all: number) => `${name} (${index} of ${all})`,
  unknownScale: "scale unknown",
  noFields: "No fields have been read.",
};

export const look = {
  title: "Look of the pictures",
  open: "Picture",
  brightness: "Brightness",
  contrast: "Contrast",
  gamma: "Gamma",
  boxes: "Boxes in the field",
  labels: "Labels of the boxes",
  reset: "Reset",
  lead: "Only what you see changes; the networks read the original.",
};

export const inspector = {
  label: "Selected cell",
  none: "No cell selected.",
  several: (count: number) => `${number(count)} cells selected`,
  network: (type: string, probability: string) => `Networks: ${type}, ${probability}`,
  addedByHand: "Added by hand",
  notReviewed: "Not reviewed yet",
  second: (type: string, probability: string) => `Second guess: ${type}, ${probability}`,
  blast: (probability: string) => `Blast probability ${probability}`,
  place: (field: string, number: number) => `${field}, cell ${number}`,
  confirm: "Confirm",
  takeBack: "Withdraw",
  showInField: "Show in field",
  by: (who: string, at: string) => `${who}, ${at}`,
};

export const comments = {
  placeholder: "Add a comment",
  keys: "Ctrl + Enter adds the comment, Esc goes back to the cells",
  add: "Add",
};

export const differential = {
  title: "Differential",
  model: "Networks alone",
  blasts: "Blasts",
  shares: "Shares",
  decides: "decides",
  countedShare: "counted",
  nothingDecides: "Nothing decides yet",
  counted: (count: number, target: number) => `${number(count)} of ${plural(target, "cell", "cells")}`,
  lot: (answered: number, wanted: number) => `By lot: ${number(answered)} of ${number(wanted)}`,
  reviewedCells: (count: number) => `${number(count)} reviewed`,
  type: "Cell type",
  count: "n",
  share: "%",
  interval: "95 %",
  modelCount: "net",
  leftOut: { border: "Cut by the image’s edge", repeated: "Shown by an earlier field, too" } as Record<string, string>,
  meRatio: "M:E ratio",
  meCells: (ratio: number, myeloid: number, erythroid: number) => `${number(ratio, 1)} (${myeloid} to ${plural(erythroid, "erythroblast", "erythroblasts")})`,
  per100: "Erythroblasts per 100 leukocytes",
  reasons: "Reasons",
  alternatives: "Other rules",
  more: (count: number) => `About ${plural(count, "more cell", "more cells")} would settle it.`,
  tooFew: (count: number) => `At least ${plural(count, "more cell", "more cells")} must be counted to decide at all.`,
  inferred: "Share inferred from a random sample",
  inferredCells: (count: number) => `from ${plural(count, "randomly chosen cell", "randomly chosen cells")} reviewed`,
  suggested: (count: number) => `Review ${plural(count, "suggested cell", "suggested cells")}`,
  allSuggested: "All suggested cells have been reviewed",
  barLabel: (percent: string, interval: string, condition: string) => `Blasts ${percent}, 95 % interval ${interval}; ${condition}`,
};

export const help = {
  title: "Keys",
  moving: "Moving",
  changing: "Changing",
  looking: "Looking",
  /** Keys by what is printed on them. */
  caps: { Ctrl: "Ctrl", Shift: "Shift", Space: "Space", Home: "Home", End: "End", PgUp: "PgUp", PgDn: "PgDn", Del: "Del", Ins: "Ins" },
  rows: {
    arrows: "next cell in this direction, in gallery and field", shiftArrows: "select a range", ctrlArrows: "move without selecting; in the field, move the view", space: "select or unselect", selectAll: "select all shown", home: "first, last",
    page: "a page up, down", next: "the cell the networks are least sure of", lot: "next cell drawn by lot", bins: "previous, next cell type", escape: "back to the cells",
    confirm: "confirm the type shown", strike: "delete (not a cell)", back: "withdraw an answer", undo: "undo", redo: "redo", comment: "comment",
    compare: "reference cells beside the cell", size: "larger, smaller: pictures, or the field if it has the focus", show: "show in field", fields: "previous, next field", fit: "whole field", add: "add a cell", help: "this list",
  },
};

export const compare = {
  label: "Reference cells of the types in question",
  open: "Compare",
  none: "No picture of this type yet.",
  kinds: { pinned: "Pinned here", imported: "Open set", drawn: "Drawn" } satisfies Record<AtlasPicture["kind"], string>,
  pin: "Pin to the atlas",
  unpin: "Take out of the atlas",
  pinWhy: "Everybody then sees this signed cell as an example of its type.",
};
