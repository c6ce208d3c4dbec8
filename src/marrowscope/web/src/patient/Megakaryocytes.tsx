import { useEffect, useRef, useState, type KeyboardEvent, type ReactNode } from "react";
import { get, messageOf, put } from "../api/client";
import type { Field, Megakaryocyte, Megakaryocytes as Found, Patient, Slide } from "../api/shapes";
import { useKnown } from "../context";
import { useLoaded } from "../hooks";
import { Dialog, Problem } from "../parts/basics";
import { t } from "../strings";
import { ImageViewer } from "../viewer/ImageViewer";

interface Given {
  id: string;
  before: boolean | null;
}

/** The candidates for megakaryocytes on a patient's slides and in fields: each is confirmed or rejected, by a key or a click. */
export function Megakaryocytes({ patient, images, onChange }: { patient: Patient; images: (Slide | Field)[]; onChange: () => void }): ReactNode {
  const { user } = useKnown();
  const { analysis } = patient;
  const found = useLoaded(`${patient.id} megakaryocytes ${images.length} ${patient.specimen} ${analysis?.id}`, (signal) => get<Found>(`/patients/${patient.id}/megakaryocytes`, signal));
  const [given, setGiven] = useState<Given[]>([]);
  const [error, setError] = useState<string | null>(null);
  const waiting = useRef({ number: 0, last: Promise.resolve() });
  const { data, set, reload } = found;
  const [looked, setLooked] = useState<Megakaryocyte | null>(null);
  // Every field that is read may add some; those that are shown stay until the new list is there.
  const progress = `${analysis?.id} ${analysis?.status} ${analysis?.done}`;
  const loadedAt = useRef(progress);
  useEffect(() => {
    if (loadedAt.current !== progress) reload();
    loadedAt.current = progress;
  }, [reload, progress]);
  if (found.error && !data) return <Problem message={found.error} />;
  if (!data || data.examined_mm2 === null) return null;
  const shown = looked ? imageOf(looked, images) : undefined;
  const mayAnswer = user.role !== "viewer" && !data.locked;

  const send = (id: string, confirmed: boolean | null): void => {
    // Shown at once; what the service says is shown when it knows all that was said.
    set({ ...data, items: data.items.map((one) => (one.id === id ? { ...one, confirmed } : one)) });
    const queue = waiting.current;
    queue.number += 1;
    queue.last = queue.last
      .then(() => put<Found>(`/megakaryocytes/${id}/answer`, { confirmed }))
      .then((now) => {
        setError(null);
        if (queue.number > 1) return;
        set(now);
        onChange();
      })
      .catch((problem: unknown) => {
        setError(messageOf(problem));
        reload();
      })
      .finally(() => {
        queue.number -= 1;
      });
  };
  const say = (one: Megakaryocyte, confirmed: boolean | null): void => {
    if (!mayAnswer || one.confirmed === confirmed) return;
    setGiven([...given, { id: one.id, before: one.confirmed }]);
    send(one.id, confirmed);
  };
  const undo = (): void => {
    const last = given.at(-1);
    if (!last || !mayAnswer) return;
    setGiven(given.slice(0, -1));
    send(last.id, last.before);
  };
  const onKey = (event: KeyboardEvent<HTMLElement>, one: Megakaryocyte): void => {
    if (event.target !== event.currentTarget) return;
    if (event.key !== "Enter" && event.key !== "Delete") return;
    event.preventDefault();
    say(one, event.key === "Enter");
    const next = event.currentTarget.nextElementSibling;
    if (next instanceof HTMLElement) next.focus();
  };
  return (
    <section
      className="stack tight"
      aria-label={t.megakaryocytes.title}
      onKeyDown={(event) => {
        if (event.key.toLowerCase() !== "z" || !(event.ctrlKey || event.metaKey)) return;
        event.preventDefault();
        undo();
      }}
    >
      <div className="row">
        <h3 className="grow">
          {t.megakaryocytes.title} <span className="faint">{data.items.length}</span>
        </h3>
        {mayAnswer ? (
          <button type="button" className="button compact" disabled={given.length === 0} onClick={undo}>
            {t.megakaryocytes.undo}
          </button>
        ) : null}
      </div>
      <p className="small">
        <strong>{t.megakaryocytes.answered(data.confirmed, data.rejected, data.unanswered)}</strong> {t.megakaryocytes.examined(data.examined_mm2)}
        {data.per_mm2 === null || data.low === null || data.high === null ? "" : ` ${t.megakaryocytes.perArea(data.per_mm2, data.low, data.high)}`}
      </p>
      <p className="small soft">
        {data.items.length === 0 ? t.megakaryocytes.none : t.megakaryocytes.lead} {data.items.length > 0 && mayAnswer ? t.megakaryocytes.keys : ""}
      </p>
      <Problem message={error} />
      <div className="large-cells">
        {data.items.map((one, place) => (
          <article
            key={one.id}
            className={`card large-cell${one.confirmed === null ? "" : one.confirmed ? " confirmed" : " rejected"}`}
            tabIndex={0}
            aria-label={t.megakaryocytes.candidate(place + 1, one.confirmed)}
            onKeyDown={(event) => onKey(event, one)}
          >
            <img src={one.picture} alt="" loading="lazy" />
            <Place one={one} image={imageOf(one, images)} onOpen={() => setLooked(one)} />
            <span className="small soft">{t.megakaryocytes.size(one.area_um2, one.nucleus_um2)}</span>
            <div className="row">
              <button type="button" className="button compact" disabled={!mayAnswer} aria-pressed={one.confirmed === true} onClick={() => say(one, one.confirmed === true ? null : true)}>
                {t.megakaryocytes.confirm}
              </button>
              <button type="button" className="button compact" disabled={!mayAnswer} aria-pressed={one.confirmed === false} onClick={() => say(one, one.confirmed === false ? null : false)}>
                {t.megakaryocytes.reject}
              </button>
            </div>
          </article>
        ))}
      </div>
      {looked && shown?.dzi ? (
        <Dialog wide title={shown.name} onClose={() => setLooked(null)}>
          <ImageViewer name={shown.name} dzi={shown.dzi} box={[looked.x0, looked.y0, looked.x1, looked.y1]} />
        </Dialog>
      ) : null}
    </section>
  );
}

function imageOf(one: Megakaryocyte, images: (Slide | Field)[]): Slide | Field | undefined {
  return images.find((image) => image.id === (one.field_id ?? one.slide_id));
}

/** The name of the slide or field, which opens it there. */
function Place({ one, image, onOpen }: { one: Megakaryocyte; image: Slide | Field | undefined; onOpen: () => void }): ReactNode {
  const name = one.field ?? one.slide ?? "";
  if (!image?.dzi) return <span className="small soft clip">{name}</span>;
  return (
    <button type="button" className="button quiet compact clip" title={`${t.megakaryocytes.place(name)} (${one.x0}, ${one.y0})`} aria-label={t.megakaryocytes.place(name)} onClick={onOpen}>
      {name}
    </button>
  );
}
