/** Where the keyboard goes on: a page names its home by `data-home`, and whatever opened over it gives the focus back. */

const home = (): HTMLElement | null => document.querySelector<HTMLElement>("[data-home]");

/** Give the focus to the page's home; false if the page has none, or a dialog is open. */
export function focusHome(): boolean {
  if (document.querySelector("dialog[open]")) return false;
  const element = home();
  // The cells are scrolled by the gallery itself.
  element?.focus({ preventScroll: true });
  return element !== null;
}

/** Give the focus back after a dialog: to the page's home, else to what had it before, else to the page. */
export function giveBackFocus(before: Element | null): void {
  if (focusHome() || document.querySelector("dialog[open]")) return;
  const opener = before instanceof HTMLElement && before.isConnected && before !== document.body ? before : document.getElementById("content");
  opener?.focus({ preventScroll: true });
}

/** After a click on a button, the keys belong to the cells again; boxes for text and lists keep the focus. */
export function focusHomeAfterButton(event: { target: EventTarget }): void {
  if (event.target instanceof Element && event.target.closest("button")?.hasAttribute("aria-expanded") === false) focusHome();
}
