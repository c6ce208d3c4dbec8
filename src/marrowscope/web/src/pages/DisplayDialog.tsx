import { useState, type ReactNode } from "react";
import { keepDisplay, loadDisplay, type Display } from "../display";
import { Dialog, Segments } from "../parts/basics";
import { t } from "../strings";

export function DisplayDialog({ onClose }: { onClose: () => void }): ReactNode {
  const [display, setDisplay] = useState(loadDisplay);
  const change = (part: Partial<Display>): void => {
    const next = { ...display, ...part };
    keepDisplay(next);
    setDisplay(next);
  };
  return (
    <Dialog title={t.display.title} onClose={onClose}>
      <div className="stack">
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
        <p className="small faint">{t.display.motion}</p>
      </div>
    </Dialog>
  );
}
