import { useState, type ReactNode } from "react";
import type { Slide } from "../api/shapes";
import { number } from "../locale";
import { Dialog } from "../parts/basics";
import { t } from "../strings";
import { ImageViewer } from "../viewer/ImageViewer";

/** The whole slides of a patient: where their cells lie in one layer, and which tiles were taken from there. */
export function Slides({ slides }: { slides: Slide[] }): ReactNode {
  const [shown, setShown] = useState<Slide | null>(null);
  if (slides.length === 0) return null;
  return (
    <section aria-label={t.fieldsPage.slides}>
      <div className="slide-card-grid">
        {slides.map((slide) => (
          <article key={slide.id} className="card field-card slide-card">
            <img src={slide.overview} alt={t.fieldsPage.slideOverview(slide.name)} loading="lazy" />
            <div className="text">
              <strong className="clip" title={slide.name}>
                {slide.name}
              </strong>
              <span className="faint small">
                {slide.width} × {slide.height} · {number(slide.mpp, 3)} µm/px
              </span>
              <span className="small">{t.fieldsPage.slideArea(slide.taken_mm2, slide.countable_mm2, slide.tiles)}</span>
              <button type="button" className="button quiet compact" onClick={() => setShown(slide)}>
                {t.fieldsPage.look}
              </button>
            </div>
          </article>
        ))}
      </div>
      {shown ? (
        <Dialog wide title={shown.name} onClose={() => setShown(null)}>
          <ImageViewer name={shown.name} dzi={shown.dzi} />
        </Dialog>
      ) : null}
    </section>
  );
}
