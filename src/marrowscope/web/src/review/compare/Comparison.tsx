import { memo, useState, type ReactNode } from "react";
import type { AtlasPicture, Cell } from "../../api/shapes";
import { useTypes } from "../../context";
import { lookUp, t } from "../../strings";
import { useAtlas } from "./atlas";
import { candidatesOf, difference, type Candidate } from "./candidates";

const SHOWN = 4;

/** Reference cells of the two types between which a cell is judged, beside it. */
export const Comparison = memo(function Comparison({ cell, chosen }: { cell: Cell; chosen: string | null }): ReactNode {
  const types = useTypes();
  const parentOf = (type: string): string | null => types.get(type)?.parent ?? null;
  const [own, other] = candidatesOf(cell, parentOf);
  const second = chosen === null || chosen === own.type ? other : { type: chosen, probability: null };
  const apart = second ? difference(own.type, second.type, parentOf) : null;
  return (
    <div className="compare" role="group" aria-label={t.compare.label}>
      <div className="compare-columns">
        <Column key={own.type} candidate={own} />
        {second ? <Column key={second.type} candidate={second} /> : null}
      </div>
      {apart ? <p className="small apart">{apart}</p> : null}
    </div>
  );
});

function Column({ candidate }: { candidate: Candidate }): ReactNode {
  const shape = useTypes().get(candidate.type);
  const pictures = useAtlas(candidate.type);
  const [page, setPage] = useState(0);
  const criteria = lookUp(t.morphology, candidate.type);
  const pages = Math.max(1, Math.ceil((pictures?.length ?? 0) / SHOWN));
  const shown = pictures?.slice(page * SHOWN, (page + 1) * SHOWN) ?? [];
  return (
    <figure className="compare-type">
      <figcaption>
        <span className="swatch" style={{ background: shape?.colour }} />
        <strong className="clip grow" title={shape?.name}>
          {shape?.name ?? candidate.type}
        </strong>
        <span className="soft number">{candidate.probability === null ? null : t.percent(100 * candidate.probability)}</span>
      </figcaption>
      <div className="compare-pictures">
        {shown.map((picture) => (
          <img key={picture.address} src={picture.address} alt={titleOf(picture)} title={titleOf(picture)} />
        ))}
        {pictures?.length === 0 ? <span className="small faint">{t.compare.none}</span> : null}
      </div>
      {pages > 1 ? (
        <button type="button" className="button quiet compact" onClick={() => setPage((page + 1) % pages)}>
          {sourceOf(shown)} · {t.of(page + 1, pages)} ›
        </button>
      ) : null}
      {criteria ? (
        <p className="small" title={criteria.source}>
          {criteria.text} <span className="faint">({criteria.source})</span>
        </p>
      ) : null}
    </figure>
  );
}

function titleOf(picture: AtlasPicture): string {
  return [picture.caption, picture.title, picture.citation, picture.licence].filter(Boolean).join(" · ");
}

function sourceOf(pictures: AtlasPicture[]): string {
  return [...new Set(pictures.map((picture) => t.compare.kinds[picture.kind]))].join(", ");
}
