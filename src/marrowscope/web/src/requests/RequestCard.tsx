import { useState, type FormEvent, type ReactNode } from "react";
import { API, post } from "../api/client";
import type { Request } from "../api/shapes";
import { useKnown } from "../context";
import { useAction } from "../hooks";
import { Link, Problem } from "../parts/basics";
import { patientAddress } from "../route";
import { t, when } from "../strings";

/** A request with its answer, for who may answer or close it; `isPlaced` where its place is shown beside it anyway. */
export function RequestCard({ request, isPlaced, isOfPatient, onChanged }: { request: Request; isPlaced?: boolean; isOfPatient?: boolean; onChanged: () => void }): ReactNode {
  const { user } = useKnown();
  const { busy, error, run } = useAction();
  const isMine = request.username === user.username;
  const isToMe = request.asked === user.username;
  const mayClose = user.role !== "viewer" && request.state !== "closed" && (isMine || isToMe || user.role === "admin");
  const close = (): void =>
    run(async () => {
      await post(`/requests/${request.id}/close`);
      onChanged();
    });
  return (
    <article className="request" data-testid="request">
      {request.cell_id && !isPlaced ? <img className="audit-picture" src={`${API}/cells/${request.cell_id}/crop.jpg?size=96`} alt="" loading="lazy" /> : null}
      <div className="stack tight grow">
        <header className="small soft">
          {isToMe ? t.requests.asksYou(request.author) : isMine ? t.requests.youAsk(request.asked_name) : t.requests.asks(request.author, request.asked_name)}, {when(request.at)} · {t.requests.states[request.state]}
        </header>
        {isPlaced ? null : <Place request={request} isOfPatient={isOfPatient ?? false} />}
        <p>{request.text}</p>
        {request.answer === null ? null : (
          <blockquote>
            <div className="small soft">{t.inspector.by(request.asked_name, when(request.answered_at))}</div>
            <p>{request.answer}</p>
          </blockquote>
        )}
        {request.state === "closed" && request.closed_by ? <div className="small faint">{t.requests.closedBy(request.closed_by)}</div> : null}
        {isToMe && request.state === "open" && user.role !== "viewer" ? <AnswerForm request={request} onChanged={onChanged} onClose={close} busy={busy} /> : null}
        {mayClose && !(isToMe && request.state === "open") ? (
          <div>
            <button type="button" className="button compact" disabled={busy} onClick={close}>
              {request.state === "answered" ? t.requests.done : t.requests.withdraw}
            </button>
          </div>
        ) : null}
        <Problem message={error} />
      </div>
    </article>
  );
}

/** What a request is about, as a link to the very cell or field. */
function Place({ request, isOfPatient }: { request: Request; isOfPatient: boolean }): ReactNode {
  const { patient_id: patient, cell_id: cell, field_id: field } = request;
  const place = t.requests.place(request.field, request.number);
  return (
    <div className="small">
      <Link to={patientAddress(patient, cell ? { cell } : { field })}>{isOfPatient ? place : `${request.patient}, ${place}`}</Link>
      {request.number !== null && cell === null ? <div className="faint">{t.requests.notFoundAgain}</div> : null}
    </div>
  );
}

function AnswerForm({ request, onChanged, onClose, busy }: { request: Request; onChanged: () => void; onClose: () => void; busy: boolean }): ReactNode {
  const [text, setText] = useState("");
  const answering = useAction();
  const submit = (event?: FormEvent): void => {
    event?.preventDefault();
    if (answering.busy || !text.trim()) return;
    answering.run(async () => {
      await post(`/requests/${request.id}/answer`, { text });
      onChanged();
    });
  };
  return (
    <form className="stack tight" onSubmit={submit}>
      <textarea
        className="input"
        rows={2}
        maxLength={4000}
        aria-label={t.requests.answerLabel}
        placeholder={t.requests.answerLabel}
        title={t.requests.answerKeys}
        value={text}
        onChange={(event) => setText(event.target.value)}
        onKeyDown={(event) => {
          if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) submit();
        }}
      />
      <div className="row">
        <button type="submit" className="button compact primary" disabled={answering.busy || !text.trim()}>
          {t.requests.answer}
        </button>
        <button type="button" className="button quiet compact" disabled={busy} onClick={onClose}>
          {t.requests.close}
        </button>
      </div>
      <Problem message={answering.error} />
    </form>
  );
}
