/**
 * A piece of work that is asked for again and again, never done twice at a time.
 *
 * Asked for while it is under way, it is done once more afterwards. Starting anew each time instead would never
 * come to an end as long as the service reports changes faster than it answers.
 */
export class Repeated {
  private readonly abort = new AbortController();
  private busy = false;
  private asked = false;

  constructor(private readonly work: (signal: AbortSignal) => Promise<unknown>) {}

  ask(): void {
    if (this.busy || this.abort.signal.aborted) {
      this.asked = true;
      return;
    }
    this.busy = true;
    this.asked = false;
    void this.work(this.abort.signal).finally(() => {
      this.busy = false;
      if (this.asked) this.ask();
    });
  }

  /** Give up what is under way and do nothing any more. */
  stop(): void {
    this.abort.abort();
  }
}
