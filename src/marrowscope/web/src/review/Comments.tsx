import { useState, type FormEvent, type ReactNode, type RefObject } from "react";
import { get, post } from "../api/client";
import type { Cell, Comment } from "../api/shapes";
import { useKnown } from "../context";
import { useAction, useLoaded } from "../hooks";
import { Problem } from "../parts/basics";
import { focusHome } from "../parts/focus";
import { t, when } from "../strings";

export function Comments(props: { cell: Cell; box: RefObject<HTMLTextAreaElement | null>; onAdded: () => void }): ReactNode {
  const { cell } = props;
  const { user } = useKnown();
  const [text, setText] = useState("");
  const { busy, error, run } = useAction();
  // Comments are requested only for cells that have any, so that moving through the gallery sends no requests.
  const loaded = useLoaded(cell.comments > 0 ? `${cell.id} ${cell.comments}` : null, (signal) => get<{ items: Comment[] }>(`/cells/${cell.id}/comments`, signal));
  const submit = (event?: FormEvent): void => {
    event?.preventDefault();
    if (busy || !text.trim()) return;
    focusHome();
    run(async () => {
      await post(`/cells/${cell.id}/comments`, { text });
      setText("");
      props.onAdded();
    });
  };
  return (
    <>
      {loaded.data?.items.map((comment) => (
        <article key={comment.id} className="comment">
          <header>
            {comment.author}, {when(comment.at)}
          </header>
          <p>{comment.text}</p>
        </article>
      ))}
      {user.role === "viewer" ? null : (
        <form className="row" onSubmit={submit}>
          <textarea
            ref={props.box}
            className="input"
            rows={1}
            style={{ minHeight: "1.9rem" }}
            maxLength={2000}
            aria-label={t.comments.placeholder}
            aria-keyshortcuts="Control+Enter"
            title={t.comments.keys}
            placeholder={t.comments.placeholder}
            value={text}
            onChange={(event) => setText(event.target.value)}
            onKeyDown={(event) => {
              if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) submit();
            }}
          />
          <button type="submit" className="button compact" disabled={busy || !text.trim()}>
            {t.comments.add}
          </button>
        </form>
      )}
      <Problem message={error} />
    </>
  );
}
