/** Selection of cells in the gallery, by the rules of a multi-select listbox (WAI-ARIA practices). */

export class Selection {
  /** The cells in the gallery's order. */
  order: string[] = [];
  focus: string | null = null;
  chosen: ReadonlySet<string> = new Set();
  private anchor: string | null = null;
  private place = new Map<string, number>();
  private heir: string | null = null;

  /** Focus and select one cell, or none. */
  only(id: string | null): void {
    this.focus = this.anchor = id;
    this.chosen = new Set(id === null ? [] : [id]);
  }

  set(ids: readonly string[]): void {
    this.focus = this.anchor = ids[0] ?? null;
    this.chosen = new Set(ids);
  }

  /** Select again what was selected before, as far as the gallery shows it. */
  restore(focus: string, chosen: readonly string[]): void {
    this.only(focus);
    const there = chosen.filter((id) => this.place.has(id));
    if (there.length > 0) this.chosen = new Set(there);
  }

  toggle(id: string): void {
    const chosen = new Set(this.chosen);
    if (!chosen.delete(id)) chosen.add(id);
    this.focus = this.anchor = id;
    this.chosen = chosen;
  }

  /** Select the range from the last single selection to this cell. */
  extend(id: string): void {
    const from = this.index(this.anchor ?? id);
    const to = this.index(id);
    this.focus = id;
    this.chosen = new Set(this.order.slice(Math.min(from, to), Math.max(from, to) + 1));
  }

  all(): void {
    this.chosen = new Set(this.order);
  }

  /** Move the focus, selecting only that cell, extending the selection to it, or leaving it unchanged. */
  move(to: number, how: "only" | "extend" | "focus"): void {
    const id = this.order[Math.min(Math.max(to, 0), this.order.length - 1)];
    if (id === undefined) return;
    if (how === "only") this.only(id);
    else if (how === "extend") this.extend(id);
    else this.focus = id;
  }

  index(id: string | null): number {
    return id === null ? -1 : (this.place.get(id) ?? -1);
  }

  /** To be called before cells move: the first remaining cell after them gets the focus next. */
  leave(ids: readonly string[]): void {
    const going = new Set(ids);
    const last = Math.max(...ids.map((id) => this.index(id)));
    const after = this.order.slice(last + 1).find((id) => !going.has(id));
    this.heir = after ?? this.order.slice(0, last + 1).findLast((id) => !going.has(id)) ?? null;
  }

  /** Advance to the next cell. */
  advance(): void {
    this.move(this.index(this.focus) + 1, "only");
  }

  /** Set a new order of the gallery; cells no longer in it are no longer selected. */
  arranged(order: string[]): void {
    this.order = order;
    this.place = new Map(order.map((id, index) => [id, index]));
    if (this.heir !== null) {
      const heir = this.heir;
      this.heir = null;
      if (this.place.has(heir)) {
        this.only(heir);
        return;
      }
    }
    const chosen = [...this.chosen].filter((id) => this.place.has(id));
    if (chosen.length !== this.chosen.size) this.chosen = new Set(chosen);
    if (this.focus === null || !this.place.has(this.focus)) this.only(order[0] ?? null);
  }
}
