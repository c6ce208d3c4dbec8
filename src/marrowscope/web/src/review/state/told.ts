/** What the service says of the cells together: the count, and which of them are worth a look. */
import { get } from "../../api/client";
import type { Differential, Page, Suggestion } from "../../api/shapes";

const DIFFERENTIAL_MS = 120;

export class Told {
  differential: Differential | null = null;
  suggestions: Suggestion[] = [];
  private timer: ReturnType<typeof setTimeout> | undefined;

  constructor(
    private readonly analysis: string,
    private readonly reading: string | null,
    private readonly signal: AbortSignal,
    private readonly changed: () => void,
  ) {}

  /** Load the count; a failure is told where it must be there, else the last one stays. */
  async loadDifferential(isNeeded: boolean): Promise<void> {
    try {
      const query = this.reading ? `?reading=${this.reading}` : "";
      this.differential = await get<Differential>(`/analyses/${this.analysis}/differential${query}`, this.signal);
      this.changed();
    } catch (error) {
      if (!this.signal.aborted && isNeeded) throw error;
    }
  }

  /** Load the count again soon, once for any number of answers. */
  refresh(): void {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => void this.loadDifferential(false), DIFFERENTIAL_MS);
  }

  /** Load the suggestions; false where there are none to be had: the page works without them. */
  async loadSuggestions(): Promise<boolean> {
    try {
      this.suggestions = (await get<Page<Suggestion>>(`/analyses/${this.analysis}/suggestions?number=20`, this.signal)).items;
      return true;
    } catch {
      this.suggestions = [];
      return false;
    }
  }

  stop(): void {
    clearTimeout(this.timer);
  }
}
