/** Changes that other people, or this user in another tab, make to the cells under review. */
import { Repeated } from "../../api/repeated";
import type { Analysis, Cell } from "../../api/shapes";

const GATHER_MS = 500; // the answer to this tab's own change usually arrives within it
const TOLD_MS = 8000;

/** What is needed of the store that follows the others. */
export interface Followed {
  analysis: Analysis;
  readonly reading: string | null;
  readonly outbox: { readonly size: number };
  refresh(): Promise<Cell[]>;
  changed(): void;
}

/** Loads the cells again when the service reports a revision that this tab has not made. */
export class Others {
  /** Cells just changed by others, for a notice; empty after a while. */
  news: Cell[] = [];
  private latest = 0;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private forgetting: ReturnType<typeof setTimeout> | undefined;
  private readonly repeated: Repeated;

  constructor(private readonly store: Followed) {
    this.repeated = new Repeated(() => this.catchUp());
  }

  /** The service reports the state of the analysis; null: it may have changed while the connection was lost. */
  heard(analysis: Analysis | null): void {
    if (this.store.reading !== null) return; // a blind reading has no other hand in it
    this.latest = analysis === null ? Number.POSITIVE_INFINITY : Math.max(this.latest, analysis.revision);
    if (this.latest > this.store.analysis.revision) this.soon();
  }

  /** More cells have been found. */
  more(): void {
    this.latest = Number.POSITIVE_INFINITY;
    this.soon();
  }

  stop(): void {
    clearTimeout(this.timer);
    clearTimeout(this.forgetting);
    this.repeated.stop();
  }

  private soon(): void {
    this.timer ??= setTimeout(() => {
      this.timer = undefined;
      this.repeated.ask();
    }, GATHER_MS);
  }

  private async catchUp(): Promise<void> {
    if (this.store.outbox.size > 0) return this.soon();
    if (this.latest <= this.store.analysis.revision) return;
    try {
      this.latest = Number.NEGATIVE_INFINITY; // what is reported from now on may not be in the answer
      const changed = await this.store.refresh();
      this.tell(changed.filter((cell) => cell.revision > 0)); // others are new, not changed
    } catch {
      // The next report tries again; this tab's own answers are checked by the service anyway.
    }
  }

  private tell(changed: Cell[]): void {
    this.news = changed;
    this.store.changed();
    clearTimeout(this.forgetting);
    this.forgetting = setTimeout(() => {
      this.news = [];
      this.store.changed();
    }, TOLD_MS);
  }
}
