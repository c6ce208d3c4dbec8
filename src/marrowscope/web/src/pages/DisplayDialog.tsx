import { useState, type ReactNode } from "react";
import { keepDisplay, languageOf, loadDisplay, type Display } from "../display";
import { LANGUAGES, type Language } from "../locale";
import { Dialog, Labelled, Segments } from "../parts/basics";
import { speak, t } from "../strings";

export function DisplayDialog({ onClose }: { onClose: () => void }): ReactNode {
  const [display, setDisplay] = useState(loadDisplay);
  const change = (part: Partial<Display>): void => {
    const next = { ...display, ...part };
    keepDisplay(next);
    setDisplay(next);
    void speak(languageOf(next));
  };
  return (
    <Dialog title={t.display.title} onClose={onClose}>
      <div className="stack">
        <Labelled label={t.display.language}>
          <select className="input" value={display.language ?? ""} onChange={(event) => change({ language: (event.target.value || null) as Language | null })}>
            <option value="">{t.display.ofBrowser}</option>
            {Object.entries(LANGUAGES).map(([language, name]) => (
              <option key={language} value={language} lang={language}>
                {name}
              </option>
            ))}
          </select>
        </Labelled>
        <div className="labelled">
          <span>{t.display.theme}</span>
          <div>
            <Segments label={t.display.theme} value={display.theme} options={t.display.themes} onChange={(theme) => change({ theme })} />
          </div>
        </div>
        <div className="labelled">
          <span>{t.display.text}</span>
          <div>
            <Segments label={t.display.text} value={display.text} options={t.display.texts} onChange={(text) => change({ text })} />
          </div>
        </div>
        <p className="small faint">{t.display.where}</p>
      </div>
    </Dialog>
  );
}
