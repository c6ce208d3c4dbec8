/** Texts of requests to colleagues and of tags. */
import type { Request } from "../api/shapes";
import { plural } from "../locale";

export const requests = {
  title: "Requests",
  waiting: (count: number) => (count === 0 ? "Requests" : `Requests, ${plural(count, "waits", "wait")} for you`),
  lead: "What colleagues ask you about their cases, and what you asked them.",
  toMe: "Asked of me",
  byMe: "Asked by me",
  noneToMe: "Nobody has asked you anything.",
  noneByMe: "You have not asked anybody. “Ask a colleague” stands beside every cell, and under “Case”.",
  of: "Requests to colleagues",
  noneOf: "Nobody was asked about this case.",
  ask: "Ask a colleague",
  askLead: "They find the request under “Requests”, with a link to the very place. Until it is answered it is an open point before signing.",
  whom: "Whom",
  about: "About",
  aboutCell: (place: string) => `This cell (${place})`,
  aboutField: (name: string) => `Field ${name}`,
  aboutCase: "The whole case",
  text: "Question",
  usual: "Second opinion please.",
  send: "Ask",
  nobody: "Nobody else here may review, so there is nobody to ask.",
  asks: (who: string, whom: string) => `${who} asks ${whom}`,
  asksYou: (who: string) => `${who} asks you`,
  youAsk: (whom: string) => `You ask ${whom}`,
  place: (field: string | null, number: number | null) => (field === null ? "whole case" : number === null ? field : `${field}, cell ${number}`),
  notFoundAgain: "The newer analysis has not found this cell again; the link opens its field.",
  states: { open: "not answered", answered: "answered", closed: "closed" } satisfies Record<Request["state"], string>,
  closedBy: (who: string) => `Closed by ${who}`,
  answer: "Answer",
  answerLabel: "Your answer",
  answerKeys: "Ctrl + Enter sends the answer",
  close: "Close without an answer",
  withdraw: "Withdraw",
  done: "Done",
  here: (toMe: number, answered: number) =>
    [toMe > 0 ? `${plural(toMe, "request waits", "requests wait")} for your answer.` : "", answered > 0 ? `${plural(answered, "request of yours is", "requests of yours are")} answered.` : ""].filter(Boolean).join(" "),
};

export const tags = {
  title: "Tags",
  add: "Add a tag",
  placeholder: "conference, trial …",
  remove: (tag: string) => `Remove the tag ${tag}`,
  none: "No tags.",
  lead: "Words by which you find the case again. They are in no report.",
};
