import { memo, useState, type DragEvent, type ReactNode } from "react";
import type { CellType } from "../api/shapes";
import { useKnown } from "../context";
import { focusHomeAfterButton } from "../parts/focus";
import { t } from "../strings";
import { ALL, DELETED, LOT, UNSURE, type ReviewStore } from "./state/store";
import { useStoreVersion } from "./state/useStore";

export const CELLS = "application/x-marrowscope-cells";

/** All cell types with keys and counts, always visible; cells can be dropped on them. */
export const Rail = memo(function Rail({ store }: { store: ReviewStore }): ReactNode {
  useStoreVersion(store);
  const { taxonomy } = useKnown();
  const counted = taxonomy.types.filter((type) => type.is_counted);
  const uncounted = taxonomy.types.filter((type) => !type.is_counted);
  const bin = (type: CellType): ReactNode => <Bin key={type.id} store={store} id={type.id} name={type.name} colour={type.colour} letter={type.key} half={isRare(type)} onDrop={() => store.name(store.selection.chosen, type.id)} />;
  return (
    <nav className="rail" aria-label={t.rail.label} onClick={focusHomeAfterButton}>
      <Bin store={store} id={ALL} name={t.rail.all} />
      {store.isTest ? null : (
        <>
          <Bin store={store} id={UNSURE} name={t.rail.unsure} title={t.rail.unsureWhy} letter="n" />
          <Bin store={store} id={LOT} name={t.rail.lot} title={t.rail.lotWhy} letter="N" />
        </>
      )}
      <h3>{t.rail.counted}</h3>
      {counted.map(bin)}
      <h3>{t.rail.uncounted}</h3>
      {uncounted.map(bin)}
      <Bin store={store} id={DELETED} name={t.rail.deleted} letter={t.help.caps.Del} half onDrop={() => store.strike(store.selection.chosen, true)} />
    </nav>
  );
});

/** Subtypes and uncounted types are in two columns, so that all types are visible and large enough to click. */
function isRare(type: CellType): boolean {
  return type.parent !== null || !type.is_counted;
}

function Bin(props: { store: ReviewStore; id: string; name: string; title?: string; colour?: string; letter?: string; half?: boolean; onDrop?: () => void }): ReactNode {
  const { store, id, onDrop } = props;
  const [over, setOver] = useState(false);
  const count = store.counts.get(id) ?? 0;
  const takes = (event: DragEvent): boolean => onDrop !== undefined && event.dataTransfer.types.includes(CELLS);
  return (
    <button
      type="button"
      className={`bin${over ? " over" : ""}${count === 0 ? " none" : ""}${props.half ? " half" : ""}`}
      title={props.title ?? (props.half ? props.name : undefined)}
      data-bin={id}
      aria-current={store.bin === id ? "true" : undefined}
      onClick={() => store.show(id)}
      onDragOver={(event) => takes(event) && (event.preventDefault(), setOver(true))}
      onDragLeave={() => setOver(false)}
      onDrop={(event) => {
        if (!takes(event)) return;
        event.preventDefault();
        setOver(false);
        onDrop?.();
      }}
    >
      <span className="stripe" style={props.colour ? { background: props.colour } : undefined} />
      <span className="name clip">{props.name}</span>
      <span className="count">{props.half && count === 0 ? null : count}</span>
      {props.letter ? <kbd>{props.letter}</kbd> : <span />}
    </button>
  );
}
