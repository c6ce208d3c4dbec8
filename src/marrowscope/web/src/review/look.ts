/** How pictures of cells and fields are shown: for the eye only, nothing that is read or measured changes. */
import { useEffect, useState } from "react";
import { keep, kept, keptNumbers } from "../display";

/** Percentages of the picture's own values; `gamma` above 100 lightens the dark parts. */
export interface Tones extends Record<string, number> {
  brightness: number;
  contrast: number;
  gamma: number;
}

export interface Look {
  tones: Tones;
  boxes: boolean;
  labels: boolean;
}

export const PLAIN: Tones = { brightness: 100, contrast: 100, gamma: 100 };
export const BOUNDS = { brightness: [50, 200], contrast: [50, 200], gamma: [40, 250] } as const;
export const FILTER = "picture-look";

/** The look of pictures, kept for the user. */
export function useLook(): [Look, (part: Partial<Look>) => void] {
  const [look, setLook] = useState<Look>(() => ({
    tones: keptNumbers("tones", PLAIN, BOUNDS),
    boxes: kept("boxes", ["on", "off"], "on") === "on",
    labels: kept("labels", ["on", "off"], "on") === "on",
  }));
  useEffect(() => {
    keep("tones", JSON.stringify(look.tones));
    keep("boxes", look.boxes ? "on" : "off");
    keep("labels", look.labels ? "on" : "off");
  }, [look]);
  return [look, (part) => setLook((now) => ({ ...now, ...part }))];
}

/** The CSS filter of these tones; none where pictures stay as they are, which paints faster. */
export function filterOf({ brightness, contrast, gamma }: Tones): string {
  const light = [brightness === 100 ? "" : `brightness(${brightness}%)`, contrast === 100 ? "" : `contrast(${contrast}%)`];
  return [gamma === 100 ? "" : `url("#${FILTER}")`, ...light].filter(Boolean).join(" ") || "none";
}
