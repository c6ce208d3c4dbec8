/** Small components used on all pages. */
import { useEffect, useId, useLayoutEffect, useRef, useState, type ReactNode } from "react";
import type { Decision, PatientStatus } from "../api/shapes";
import { go } from "../route";
import { t } from "../strings";
import { giveBackFocus } from "./focus";

export function Link(props: { to: string; className?: string; current?: boolean; children: ReactNode }): ReactNode {
  return (
    <a
      href={props.to}
      className={props.className}
      aria-current={props.current ? "page" : undefined}
      onClick={(event) => {
        if (event.metaKey || event.ctrlKey || event.shiftKey || event.button !== 0) return;
        event.preventDefault();
        go(props.to);
      }}
    >
      {props.children}
    </a>
  );
}

export function DecisionPill({ decision }: { decision: Decision }): ReactNode {
  return (
    <span className={`pill ${decision}`}>
      {t.decisions[decision]}
    </span>
  );
}

export function StatusWord({ status }: { status: PatientStatus }): ReactNode {
  return <span className={`status ${status}`}>{t.statuses[status]}</span>;
}

export function Meter(props: { value: number; label: string; refused?: boolean }): ReactNode {
  const percent = Math.round(100 * Math.min(Math.max(props.value, 0), 1));
  return (
    <div className={`meter${props.refused ? " refused" : ""}`} role="progressbar" aria-valuenow={percent} aria-valuemin={0} aria-valuemax={100} aria-label={props.label}>
      <div style={{ width: `${percent}%` }} />
    </div>
  );
}

/** Work of which nobody knows how long it takes. */
export function Waiting({ label }: { label: string }): ReactNode {
  return <div className="meter waiting" role="progressbar" aria-label={label} />;
}

/** What is shown until something is loaded. */
export function Loading(): ReactNode {
  return (
    <div className="loading">
      <Waiting label={t.loading} />
      <p>{t.loading}</p>
    </div>
  );
}

export function Labelled(props: { label: string; hint?: string; children: ReactNode }): ReactNode {
  return (
    <label className="labelled">
      <span>{props.label}</span>
      {props.children}
      {props.hint ? <small>{props.hint}</small> : null}
    </label>
  );
}

export function Problem({ message }: { message: string | null }): ReactNode {
  return message ? (
    <p className="error" role="alert">
      {message}
    </p>
  ) : null;
}

/** A modal dialog, closed by Escape, its button, or the key that opened it; afterwards the focus is given back. */
export function Dialog(props: { title: string; wide?: boolean; opener?: string; onClose: () => void; foot?: ReactNode; children: ReactNode }): ReactNode {
  const dialog = useRef<HTMLDialogElement>(null);
  const id = useId();
  // Before the element leaves the page, which would take the focus with it.
  useLayoutEffect(() => {
    const element = dialog.current;
    const before = document.activeElement;
    element?.showModal();
    element?.querySelector<HTMLElement>(".dialog-body :is(input, select, textarea):not(:disabled)")?.focus();
    return () => {
      element?.close();
      giveBackFocus(before);
    };
  }, []);
  return (
    <dialog
      ref={dialog}
      className={props.wide ? "wide" : undefined}
      aria-labelledby={id}
      onKeyDown={(event) => {
        event.stopPropagation();
        if (event.key !== props.opener) return;
        event.preventDefault();
        props.onClose();
      }}
      onCancel={(event) => {
        event.preventDefault();
        props.onClose();
      }}
    >
      <div className="dialog-head">
        <h2 id={id} className="grow">
          {props.title}
        </h2>
        <button type="button" className="button quiet compact" onClick={props.onClose}>
          {t.close}
        </button>
      </div>
      <div className="dialog-body">{props.children}</div>
      {props.foot ? <div className="dialog-foot">{props.foot}</div> : null}
    </dialog>
  );
}

/** A button that opens a list of links and buttons. */
export function Menu(props: { label: ReactNode; className?: string; plain?: boolean; title?: string; children: ReactNode }): ReactNode {
  const [open, setOpen] = useState(false);
  const place = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (!open) return undefined;
    const outside = (event: MouseEvent): void => {
      if (!place.current?.contains(event.target as Node)) setOpen(false);
    };
    addEventListener("mousedown", outside);
    place.current?.querySelector<HTMLElement>(".menu-list > *")?.focus();
    return () => removeEventListener("mousedown", outside);
  }, [open]);
  const move = (by: number): void => {
    const items = [...(place.current?.querySelectorAll<HTMLElement>(".menu-list > *") ?? [])];
    const at = items.indexOf(document.activeElement as HTMLElement);
    items[(at + by + items.length) % items.length]?.focus();
  };
  return (
    <div
      className="menu"
      ref={place}
      onKeyDown={(event) => {
        if (!open) return;
        if (event.key === "Escape") {
          setOpen(false);
          place.current?.querySelector("button")?.focus();
        } else if (event.key === "ArrowDown") move(1);
        else if (event.key === "ArrowUp") move(-1);
        else return;
        event.preventDefault();
        event.stopPropagation();
      }}
    >
      <button type="button" className={props.className ?? "button compact"} aria-label={props.title} title={props.title} aria-haspopup="menu" aria-expanded={open} onClick={() => setOpen(!open)}>
        {props.label} {props.plain ? null : <span aria-hidden="true">▾</span>}
      </button>
      {open ? (
        <div className="menu-list" onClick={() => setOpen(false)}>
          {props.children}
        </div>
      ) : null}
    </div>
  );
}

export function Segments<T extends string>(props: { label: string; value: T; options: Record<T, string>; onChange: (value: T) => void }): ReactNode {
  return (
    <div className="segments" role="group" aria-label={props.label}>
      {(Object.keys(props.options) as T[]).map((value) => (
        <button key={value} type="button" aria-pressed={value === props.value} onClick={() => props.onChange(value)}>
          {props.options[value]}
        </button>
      ))}
    </div>
  );
}
