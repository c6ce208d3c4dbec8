import type { ReactNode } from "react";
import type { Details, Morphology } from "../api/shapes";
import { lookUp, t } from "../strings";

interface Props {
  morphology: Morphology;
  specimen: Details["specimen"];
  chosen: string[];
  onChange: (chosen: string[]) => void;
}

/** Phrases of morphology to choose from, those that the specimen has; chosen ones of others stay to be seen. */
export function MorphologyPhrases({ morphology, specimen, chosen, onChange }: Props): ReactNode {
  const suits = (section: Morphology["sections"][number]): boolean =>
    specimen === "not stated" || section.specimens.includes(specimen) || section.phrases.some((phrase) => chosen.includes(phrase.id));
  const toggle = (id: string): void => onChange(chosen.includes(id) ? chosen.filter((one) => one !== id) : [...chosen, id]);
  return (
    <section className="stack tight" aria-label={t.details.morphology}>
      <h3>{t.details.morphology}</h3>
      {morphology.sections.filter(suits).map((section) => (
        <div key={section.id} className="phrases" role="group" aria-label={lookUp(t.served.sections, section.id) ?? section.title}>
          <span>{lookUp(t.served.sections, section.id) ?? section.title}</span>
          <div className="row wrap">
            {section.phrases.map((phrase) => (
              <button key={phrase.id} type="button" className="button compact" aria-pressed={chosen.includes(phrase.id)} onClick={() => toggle(phrase.id)}>
                {lookUp(t.served.phrases, phrase.id) ?? phrase.text}
              </button>
            ))}
          </div>
        </div>
      ))}
    </section>
  );
}
