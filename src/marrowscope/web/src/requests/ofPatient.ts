/** The requests about the patient shown: loaded once for the page, and reloaded with its news. */
import { createContext, useContext, useState } from "react";
import { get } from "../api/client";
import type { News } from "../api/events";
import type { Page, Request } from "../api/shapes";
import { useKnown } from "../context";
import { useLoaded, useNews } from "../hooks";

/** What a new request is about, as far as the place where it is begun says. */
export interface About {
  cell?: { id: string; place: string };
}

export interface RequestsOfPatient {
  items: Request[];
  reload: () => void;
  /** Opens the dialog that asks a colleague; null where nobody may be asked. */
  ask: ((about: About) => void) | null;
}

const NONE: RequestsOfPatient = { items: [], reload: () => undefined, ask: null };

export const RequestsContext = createContext(NONE);

export const useRequests = (): RequestsOfPatient => useContext(RequestsContext);

/** Requests change with their patients; an analysis that goes on changes none. */
export const isAboutPatients = (news: News): news is Exclude<News, { kind: "analysis" }> => news.kind !== "analysis";

/** The requests of a patient; none while the user reads it blind. */
export function useRequestsOf(patient: string, isBlind: boolean): RequestsOfPatient & { about: About | null; close: () => void } {
  const { user, session } = useKnown();
  const found = useLoaded(isBlind ? null : `${patient} requests`, (signal) => get<Page<Request>>(`/patients/${patient}/requests`, signal));
  const [about, setAbout] = useState<About | null>(null);
  useNews(found.reload, (news) => isAboutPatients(news) && (news.kind === "reconnected" || news.id === patient));
  const mayAsk = user.role !== "viewer" && session.authentication === "required" && !isBlind;
  return { items: found.data?.items ?? [], reload: found.reload, ask: mayAsk ? setAbout : null, about, close: () => setAbout(null) };
}

/** What of some requests waits for a user: those to answer, and their own that are answered. */
export function waitingFor(username: string, items: Request[]): { toMe: Request[]; answered: Request[] } {
  return {
    toMe: items.filter((one) => one.state === "open" && one.asked === username),
    answered: items.filter((one) => one.state === "answered" && one.username === username),
  };
}
