/** The cells of an analysis under review: display, selection and undo. */
import { get, getAll, messageOf, post } from "../../api/client";
import type { Analysis, Box, Cell, Differential, Suggestion, Taxonomy } from "../../api/shapes";
import { ALL, arrangement, DELETED, leastCertain, nextOfLot, ranked, type Order, type Section } from "./arrange";
import { answerOf, History, sameAnswer, withAnswer, type Answer, type Edit, type Step } from "./edits";
import { Others } from "./others";
import { Outbox, type Sender } from "./outbox";
import { Listened } from "./listened";
import { keepPlace, keptPlace, type Place } from "./place";
import { Selection } from "./selection";
import { Told } from "./told";

export { ALL, DELETED, LOT, SUGGESTED, UNSURE, type Order, type Section } from "./arrange";

/** The edit that undoing takes a drawn cell away by. */
const appeared = (cell: Cell): Edit => ({ id: cell.id, before: { type: cell.type, deleted: true }, after: { type: cell.type, deleted: false } });

export class ReviewStore extends Listened implements Sender {
  analysis: Analysis;
  bin: string = ALL;
  order: Order = "surest";
  loading = true;
  error: string | null = null;
  sections: Section[] = [];
  counts = new Map<string, number>();
  readonly selection = new Selection();
  readonly outbox: Outbox;
  readonly others: Others;
  private readonly told: Told;
  private place: Place | null;
  private isClosed = false; // the service took an answer no more
  private readonly served_ = new Map<string, Cell>();
  private readonly shown = new Map<string, Cell>();
  private ranked: string[] = [];
  private readonly history = new History();
  private readonly abort = new AbortController();

  constructor(
    analysis: Analysis,
    readonly taxonomy: Taxonomy,
    readonly reading: string | null,
    readonly editable: boolean,
    storage: Pick<Storage, "getItem" | "setItem" | "removeItem"> | null = globalThis.localStorage ?? null,
    /** Whether a learner is tested on the cells: what they were named is hidden, and so is everything made of it. */
    readonly isTest = false,
  ) {
    super();
    this.analysis = analysis;
    const path = isTest ? `/proficiency/${reading}/cells` : `/analyses/${analysis.id}/cells`;
    this.outbox = new Outbox(analysis.id, reading, path, this, editable ? storage : null);
    this.others = new Others(this);
    this.told = new Told(analysis.id, reading, this.abort.signal, () => this.changed());
    this.place = keptPlace(analysis.id, reading);
    this.order = this.place?.order ?? this.order;
  }

  /** End: what is shown stays, and takes no answers any more. */
  close(): void {
    this.keepPlace();
    this.abort.abort();
    this.others.stop();
    this.outbox.close();
    this.told.stop();
    this.changed();
  }

  // --- loading -------------------------------------------------------------------------------------------

  async load(): Promise<void> {
    try {
      const query = this.reading ? `?limit=1000&reading=${this.reading}` : "?limit=1000";
      const [cells] = await Promise.all([
        getAll<Cell>(`/analyses/${this.analysis.id}/cells${query}`, this.abort.signal),
        this.hasCount ? this.told.loadDifferential(this.loading) : null,
      ]);
      this.replace(cells);
      this.loading = false;
      this.error = null;
      this.returnToPlace();
      this.outbox.resume();
      if (this.hasCount) await this.suggest();
    } catch (error) {
      if (this.abort.signal.aborted) return;
      if (this.shown.size > 0) throw error; // what is shown stays
      this.loading = false;
      this.error = messageOf(error);
      this.changed();
    }
  }

  /** Load what others have changed in the meantime; returns the cells changed. */
  async refresh(): Promise<Cell[]> {
    this.place = null; // who works here stays where they are
    const known = new Map(this.served_);
    const { revision } = this.analysis;
    const analysis = await get<Analysis>(`/analyses/${this.analysis.id}`, this.abort.signal);
    await this.load();
    if (this.analysis.revision !== revision) {
      this.others.more(); // an own answer arrived meanwhile: what was loaded may be older than it
      return [];
    }
    this.analysis = analysis;
    const changed = [...this.served_.values()].filter((cell) => known.get(cell.id)?.revision !== cell.revision);
    for (const cell of changed) this.history.forget(cell.id);
    return changed;
  }

  private replace(cells: Cell[]): void {
    const before = new Map(this.served_);
    this.served_.clear();
    this.shown.clear();
    for (const cell of cells) {
      const own = before.get(cell.id);
      this.serve(own && own.revision > cell.revision ? own : cell);
    }
    this.rank();
  }

  /** Show what was shown before the page was loaded again, as far as it is there. */
  private returnToPlace(): void {
    this.bin = this.place?.bin ?? this.bin;
    this.arrange();
    if (this.place?.focus && this.selection.index(this.place.focus) >= 0) this.selection.restore(this.place.focus, this.place.chosen);
    this.changed();
  }

  /** Keep what is shown and selected, for when the page is loaded again. */
  keepPlace(): void {
    if (this.loading) return;
    const { bin, order, selection } = this;
    keepPlace(this.analysis.id, this.reading, { bin, order, focus: selection.focus, chosen: [...selection.chosen] });
  }

  private recount(): void {
    if (this.hasCount) this.told.refresh();
  }

  private async suggest(): Promise<void> {
    if (await this.told.loadSuggestions()) this.returnToPlace();
    this.place = null;
  }

  // --- calls from the outbox -----------------------------------------------------------------------------

  served(id: string): Cell | undefined {
    return this.served_.get(id);
  }

  accepted(cells: Cell[], revision: number): void {
    for (const cell of cells) this.serve(cell);
    this.analysis = { ...this.analysis, revision };
    this.arrange();
    this.recount();
  }

  conflicted(cells: Cell[]): void {
    for (const cell of cells) {
      this.serve(cell);
      this.history.forget(cell.id);
    }
    this.arrange();
    this.recount();
  }

  locked(): void {
    this.isClosed = true;
    if (this.reading === null) this.analysis = { ...this.analysis, locked: true };
    this.changed();
  }

  private serve(cell: Cell): void {
    this.served_.set(cell.id, cell);
    const answer = this.outbox.answer(cell.id);
    this.shown.set(cell.id, answer ? withAnswer(cell, answer) : cell);
  }

  // --- reading -------------------------------------------------------------------------------------------

  get differential(): Differential | null {
    return this.told.differential;
  }

  get suggestions(): Suggestion[] {
    return this.told.suggestions;
  }

  /** Whether all fields are read: before, there are cells to look at, but no count and no answers. */
  get isRead(): boolean {
    return this.analysis.status === "done";
  }

  /** Whether there is a count, and cells suggested by it. */
  get hasCount(): boolean {
    return this.isRead && !this.isTest;
  }

  /** Whether the report is signed, and its cells locked. A blind reading and a test are no part of it, and go on. */
  get isSigned(): boolean {
    return this.reading === null && this.analysis.locked;
  }

  get canEdit(): boolean {
    return this.editable && !this.abort.signal.aborted && this.isRead && !this.isSigned && !this.isClosed;
  }

  /** A blind reading names detected cells only and adds none, so that both readings can be compared. */
  get canAdd(): boolean {
    return this.canEdit && this.reading === null;
  }

  cell(id: string | null): Cell | undefined {
    return id === null ? undefined : this.shown.get(id);
  }

  cellsOf(field: string): Cell[] {
    return [...this.shown.values()].filter((cell) => cell.field_id === field);
  }

  get all(): Iterable<Cell> {
    return this.shown.values();
  }

  get size(): number {
    return this.shown.size;
  }

  get canUndo(): boolean {
    return this.canEdit && this.history.canUndo;
  }

  get canRedo(): boolean {
    return this.canEdit && this.history.canRedo;
  }

  // --- arranging the gallery -----------------------------------------------------------------------------

  show(bin: string): void {
    this.place = null;
    this.bin = bin;
    this.arrange();
    this.selection.only(this.selection.order[0] ?? null);
    this.changed();
  }

  sort(order: Order): void {
    this.order = order;
    this.rank();
    this.arrange();
  }

  private rank(): void {
    this.ranked = ranked(this.served_.values(), this.order);
  }

  /** Arrange the cells again. */
  private arrange(): void {
    const { sections, counts } = arrangement(this.ranked, (id) => this.shown.get(id), this.bin, this.suggestions, this.taxonomy);
    this.sections = sections;
    this.counts = counts;
    this.selection.arranged(sections.flatMap((section) => section.ids));
    this.changed();
  }

  // --- changing ------------------------------------------------------------------------------------------

  /** Name cells; giving the predicted type is an answer, too, and confirms it. */
  name(ids: Iterable<string>, type: string): void {
    this.answer(ids, () => ({ type, deleted: false }));
  }

  /** Confirm the current type of each cell; a learner is shown none. */
  confirm(ids: Iterable<string>): void {
    if (this.isTest) return;
    this.answer(ids, (cell) => ({ type: cell.type, deleted: cell.deleted }));
  }

  takeBack(ids: Iterable<string>): void {
    this.answer(ids, (cell) => ({ type: null, deleted: cell.deleted }));
  }

  /** Delete cells as not being cells, or restore them. */
  strike(ids: Iterable<string>, deleted: boolean): void {
    this.answer(ids, (cell) => ({ type: cell.reviewed_type, deleted }));
  }

  undo(): void {
    const step = this.canEdit ? this.history.undo() : null;
    if (step) this.apply(step, true);
  }

  redo(): void {
    const step = this.canEdit ? this.history.redo() : null;
    if (step) this.apply(step, true);
  }

  /** Add a cell that the networks missed; it is saved at once. */
  async add(field: string, box: Box, type: string): Promise<Cell> {
    const cell = await this.draw(field, box, type);
    this.history.add([appeared(cell)]);
    this.arrange();
    this.recount();
    return cell;
  }

  /** Give a cell another box: a cell with the new box takes the place of the old one, which is kept as deleted. */
  async redraw(id: string, box: Box): Promise<Cell> {
    const old = this.shown.get(id);
    if (!old) throw new Error(id);
    const cell = await this.draw(old.field_id, box, old.type);
    const gone: Edit = { id, before: answerOf(old), after: { ...answerOf(old), deleted: true } };
    this.history.add([gone, appeared(cell)]);
    this.apply([gone], false);
    return cell;
  }

  private async draw(field: string, box: Box, type: string): Promise<Cell> {
    const body = { field_id: field, box, type, ...(this.reading ? { reading: this.reading } : {}) };
    const cell = await post<Cell>(`/analyses/${this.analysis.id}/cells`, body);
    this.serve(cell);
    this.rank();
    return cell;
  }

  private answer(ids: Iterable<string>, wanted: (cell: Cell) => Answer): void {
    if (!this.canEdit) return;
    const step: Edit[] = [];
    for (const id of ids) {
      const cell = this.shown.get(id);
      if (!cell) continue;
      const before = answerOf(cell);
      const after = wanted(cell);
      if (!sameAnswer(before, after)) step.push({ id, before, after });
    }
    if (step.length === 0) {
      this.selection.advance();
      this.changed();
      return;
    }
    this.history.add(step);
    this.apply(step, false);
  }

  private apply(step: Step, jump: boolean): void {
    for (const { id, after } of step) {
      const cell = this.served_.get(id);
      if (cell) this.shown.set(id, withAnswer(cell, after));
    }
    this.outbox.put(step.map(({ id, after }) => [id, after]));
    if (!jump) this.selection.leave(step.map((edit) => edit.id));
    this.arrange();
    if (jump && step[0]) {
      if (!this.selection.order.includes(step[0].id)) this.show(ALL);
      this.selection.set(step.map((edit) => edit.id));
      this.changed();
    }
  }

  /** Update a cell to which a comment was added. */
  commented(id: string): void {
    for (const map of [this.served_, this.shown]) {
      const cell = map.get(id);
      if (cell) map.set(id, { ...cell, comments: cell.comments + 1 });
    }
    this.changed();
  }

  /** The unreviewed cell of which the networks are least certain; null if all are reviewed. */
  nextUncertain(): string | null {
    return leastCertain(this.shown.values(), this.suggestions, (id) => this.shown.get(id), this.selection.focus);
  }

  /** The next unreviewed cell of those drawn by lot; null if there is none left to draw. */
  async nextOfLot(): Promise<string | null> {
    const next = (): string | null => nextOfLot(this.suggestions, (id) => this.shown.get(id), this.selection.focus);
    // The service draws on where the saved answers end.
    if (next() === null && this.hasCount && (await this.outbox.flush())) await this.suggest();
    return next();
  }

  /** Bring a cell into view, whatever the gallery currently shows. */
  reveal(id: string): void {
    this.place = null;
    if (!this.selection.order.includes(id)) {
      this.bin = ALL;
      this.arrange();
      if (!this.selection.order.includes(id)) {
        this.bin = DELETED;
        this.arrange();
      }
    }
    this.selection.only(id);
    this.changed();
  }
}
