/** Texts of a new installation: its first account, the demo case, the tour. */
export const firstRun = {
  title: "Create the first administrator",
  lead: "This installation has no accounts yet.",
  code: "Code from the terminal",
  codeWhere: "Printed in the terminal where marrowscope serve was started, and in its log.",
  name: "Your name, as reports show it",
  submit: "Create and log in",
  demo: "Demo case",
  demoName: "DEMO",
  addDemo: "Add the demo case",
  demoLead: "No images at hand? The demo case is a drawn smear of 360 cells to try everything on.",
  tourLead: "Then take the two-minute tour, in the menu under your name.",
};

export const tour = {
  open: "Two-minute tour",
  nothing: "There is no analysed patient to show yet. Add images or the demo case first.",
  next: "Next",
  back: "Back",
  end: "End the tour",
  done: "Start reviewing",
  steps: {
    gallery: { title: "All cells, by type", text: "Arrow keys go from cell to cell, Shift selects several. The frame is the cell you are judging. + and - change the size of the pictures." },
    rail: { title: "A key for every type", text: "Press a type’s letter to name the selected cells; Enter confirms what the networks say. Delete removes what is not a cell. Ctrl+Z undoes." },
    unsure: { title: "Where a review counts most", text: "n goes to the cell the networks are least sure of; press it again for the next one. N goes through cells drawn by lot: from these, the share of all cells is inferred whatever errors the networks make." },
    inspector: { title: "The cell, enlarged", text: "With the networks’ first and second guess." },
    compare: { title: "Reference cells beside it", text: "Cells of the two types in question, with their criteria. Signed cells can be pinned here. The comma key hides and shows them." },
    differential: { title: "The count, at once", text: "Share, interval and verdict follow every answer. Below it is the differential, yours beside the networks’." },
    toolbar: { title: "Gallery, field or both", text: "The full-stop key shows the cell in its field. There you can draw missed cells, correct a box, and measure." },
    sign: { title: "Sign, and export", text: "Signing locks the cells and keeps the report as it is. All that was done is in the history. The ? key lists all keys." },
  },
};
