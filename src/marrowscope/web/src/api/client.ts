/** Requests to the service, with address, CSRF header, errors and paging. */
import { t } from "../strings";
import type { Page, ProblemShape, Session, UploadItem } from "./shapes";

export const API = "/api/v1";

/** The service responded with a problem (RFC 9457). */
export class Problem extends Error {
  readonly status: number;
  readonly body: ProblemShape;

  constructor(status: number, body: ProblemShape) {
    super(t.served.problem({ ...body, type: nameOf(body) ?? "" }) || `HTTP ${status}`);
    this.status = status;
    this.body = body;
  }

  /** Whether the problem's type ends in this name, such as `locked`. */
  is(name: string): boolean {
    return nameOf(this.body) === name;
  }
}

/** The last part of a problem's type. */
const nameOf = ({ type }: ProblemShape): string | undefined => (typeof type === "string" ? type.split(/[/:#]/).at(-1) : undefined);

/** The service could not be reached; the same request may succeed later. */
export class Unreachable extends Error {}

let csrfToken: string | null = null;
let signedOut: () => void = () => undefined;

/** Called when a request shows that the session has ended. */
export function onSignedOut(callback: () => void): void {
  signedOut = callback;
}

interface Options {
  body?: unknown;
  headers?: Record<string, string>;
  signal?: AbortSignal;
}

/** Send a request and return the JSON of the response (undefined if it is empty). */
export async function request<T>(method: string, path: string, options: Options = {}): Promise<T> {
  const headers: Record<string, string> = { Accept: "application/json", ...options.headers };
  if (method !== "GET" && csrfToken) headers["X-CSRF-Token"] = csrfToken;
  const init: RequestInit = { method, headers, credentials: "same-origin" };
  if (options.body !== undefined) {
    headers["Content-Type"] = "application/json";
    init.body = JSON.stringify(options.body);
  }
  if (options.signal) init.signal = options.signal;
  let answer: Response;
  try {
    answer = await fetch(API + path, init);
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") throw error;
    throw new Unreachable(String(error));
  }
  if (answer.status === 502 || answer.status === 503 || answer.status === 504) {
    throw new Unreachable(`HTTP ${answer.status}`);
  }
  if (!answer.ok) throw await errorOf(answer, path === "/session");
  const text = await answer.text();
  return (text ? JSON.parse(text) : undefined) as T;
}

/** The problem that a response tells; a session that has ended is reported, unless that is what was asked. */
export async function errorOf(answer: Response, isAskingWho = false): Promise<Problem> {
  const body = (await answer.json().catch(() => ({}))) as ProblemShape;
  if (answer.status === 401 && !isAskingWho) signedOut();
  return new Problem(answer.status, body);
}

export const get = <T>(path: string, signal?: AbortSignal): Promise<T> =>
  request<T>("GET", path, signal ? { signal } : {});
export const post = <T>(path: string, body: unknown = {}): Promise<T> => request<T>("POST", path, { body });
export const put = <T = undefined>(path: string, body: unknown = {}): Promise<T> => request<T>("PUT", path, { body });
export const patch = <T>(path: string, body: unknown, headers: Record<string, string> = {}): Promise<T> =>
  request<T>("PATCH", path, { body, headers });
export const remove = <T = undefined>(path: string, body?: unknown): Promise<T> =>
  request<T>("DELETE", path, body === undefined ? {} : { body });

/** The path of a list's page after the one that told this cursor. */
export const withCursor = (path: string, cursor: string): string => `${path}${path.includes("?") ? "&" : "?"}cursor=${encodeURIComponent(cursor)}`;

/** All items of a list, loaded page by page. */
export async function getAll<T>(path: string, signal?: AbortSignal): Promise<T[]> {
  const found: T[] = [];
  let cursor: string | null = null;
  do {
    const page: Page<T> = await get<Page<T>>(cursor ? withCursor(path, cursor) : path, signal);
    found.push(...page.items);
    cursor = page.next ?? null;
  } while (cursor);
  return found;
}

/** Request who is logged in, and keep the CSRF token for later requests. */
export async function loadSession(): Promise<Session> {
  return keep(await get<Session>("/session"));
}

export async function logIn(username: string, password: string): Promise<Session> {
  // The token of an ended session is invalid, so request a new one first.
  await loadSession();
  return keep(await post<Session>("/session", { username, password }));
}

/** Create the first administrator of a new installation, who is then logged in. */
export async function setUp(account: { code: string; username: string; name: string; password: string }): Promise<Session> {
  await loadSession();
  return keep(await post<Session>("/session/setup", account));
}

export async function logOut(): Promise<void> {
  await remove("/session");
}

function keep(session: Session): Session {
  csrfToken = session.csrf_token;
  return session;
}

/** What becomes of a file whose name the patient has with another content. */
export type SameName = "replace" | "keep" | "cancel";

/** Send files of a patient and report the progress. Aborting the signal stops it. */
export function upload(
  patient: string,
  files: { file: Blob; name: string }[],
  how: { key: string; sameName: SameName | null },
  progress: (sent: number) => void,
  signal: AbortSignal,
): Promise<UploadItem[]> {
  return new Promise((resolve, reject) => {
    const form = new FormData();
    for (const { file, name } of files) form.append("files", file, name);
    // fetch does not report how much of a body has been sent; XMLHttpRequest does.
    const sending = new XMLHttpRequest();
    sending.open("POST", `${API}/patients/${patient}/files${how.sameName ? `?same_name=${how.sameName}` : ""}`);
    if (csrfToken) sending.setRequestHeader("X-CSRF-Token", csrfToken);
    sending.setRequestHeader("Idempotency-Key", how.key);
    sending.upload.onprogress = (event) => progress(event.loaded / Math.max(event.total, 1));
    sending.onerror = () => reject(new Unreachable("upload"));
    sending.onabort = () => reject(new DOMException("aborted", "AbortError"));
    sending.onload = () => {
      const body: unknown = parsed(sending.responseText);
      if (sending.status >= 200 && sending.status < 300) resolve((body as Page<UploadItem>).items);
      else if (sending.status >= 502 && sending.status <= 504) reject(new Unreachable(`HTTP ${sending.status}`));
      else reject(new Problem(sending.status, body as ProblemShape));
    };
    signal.addEventListener("abort", () => sending.abort());
    sending.send(form);
  });
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return {};
  }
}

/** The message to show for an error. */
export function messageOf(error: unknown): string {
  if (error instanceof Unreachable) return t.unreachable;
  return error instanceof Error ? error.message : String(error);
}
