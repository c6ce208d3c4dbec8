import { useCallback, useEffect, useRef, useState, type ReactNode } from "react";
import { number } from "../locale";
import { Meter, Problem } from "../parts/basics";
import { t } from "../strings";
import { sharpness } from "./focus";

const FOCUS_MS = 250;
const FOCUS_PX = 480; // longer side of what the focus is measured on

/** The browser's own camera: a key takes the field that is shown, lossless. */
export function Camera({ onTake }: { onTake: (file: Blob, name: string) => void }): ReactNode {
  const video = useRef<HTMLVideoElement>(null);
  const [devices, setDevices] = useState<MediaDeviceInfo[]>([]);
  const [device, setDevice] = useState("");
  const [error, setError] = useState<string | null>(null);
  const [size, setSize] = useState<[number, number] | null>(null);
  const [flash, setFlash] = useState(0);
  const focus = useFocus(video, size !== null);

  useEffect(() => {
    let stream: MediaStream | null = null;
    let left = false;
    const media = navigator.mediaDevices as MediaDevices | undefined;
    if (!media) {
      setError(t.camera.unsupported);
      return undefined;
    }
    const wanted: MediaTrackConstraints = { width: { ideal: 4096 }, height: { ideal: 3072 }, ...(device ? { deviceId: { exact: device } } : {}) };
    media
      .getUserMedia({ video: wanted })
      .then(async (given) => {
        stream = given;
        if (left) return stop(given);
        if (video.current) video.current.srcObject = given;
        setError(null);
        setDevices((await media.enumerateDevices()).filter((one) => one.kind === "videoinput"));
      })
      .catch((problem: unknown) => setError(reasonOf(problem)));
    return () => {
      left = true;
      if (stream) stop(stream);
    };
  }, [device]);

  const take = useCallback(() => {
    const element = video.current;
    if (!element || element.videoWidth === 0) return;
    const canvas = drawn(element, element.videoWidth, element.videoHeight);
    const name = `frame-${new Date().toISOString().replaceAll(/[-:]/g, "").replace("T", "-").replace(".", "-").replace("Z", "")}.png`;
    canvas.toBlob((blob) => blob && onTake(blob, name), "image/png");
    setFlash((now) => now + 1);
  }, [onTake]);

  useEffect(() => {
    const press = (event: KeyboardEvent): void => {
      if ((event.key !== "Enter" && event.key !== " ") || event.repeat || event.ctrlKey || event.metaKey || event.altKey) return;
      if (event.target instanceof Element && event.target.closest("a, button, input, select, textarea, dialog, [role=listbox]")) return;
      event.preventDefault();
      take();
    };
    addEventListener("keydown", press);
    return () => removeEventListener("keydown", press);
  }, [take]);

  return (
    <div className="live-camera">
      <div className="view">
        <video ref={video} autoPlay muted playsInline aria-label={t.live.camera} onLoadedMetadata={(event) => setSize([event.currentTarget.videoWidth, event.currentTarget.videoHeight])} />
        {flash > 0 ? <div key={flash} className="flash" aria-hidden="true" /> : null}
      </div>
      <div className="stack tight">
        <Problem message={error} />
        <button type="button" className="button primary" disabled={size === null} onClick={take}>
          {t.camera.take}
        </button>
        <p className="small soft">{t.camera.keys}</p>
        <div className="row small">
          <span>{t.camera.focus}</span>
          <strong className="number" data-testid="focus">
            {focus.now === null ? t.unavailable : number(focus.now)}
          </strong>
        </div>
        <Meter value={focus.share} label={t.camera.focus} />
        <p className="small soft">{t.camera.focusOf(100 * focus.share)}</p>
        {size ? <p className="small faint">{t.camera.size(...size)}</p> : null}
        {devices.length > 1 ? (
          <select className="input compact" aria-label={t.camera.choose} value={device} onChange={(event) => setDevice(event.target.value)}>
            {devices.map((one, place) => (
              <option key={one.deviceId} value={one.deviceId}>
                {one.label || t.camera.unnamed(place + 1)}
              </option>
            ))}
          </select>
        ) : null}
      </div>
    </div>
  );
}

/** The focus of what is shown, and its share of the sharpest view so far. */
function useFocus(video: { current: HTMLVideoElement | null }, isOn: boolean): { now: number | null; share: number } {
  const [focus, setFocus] = useState<{ now: number | null; best: number }>({ now: null, best: 0 });
  useEffect(() => {
    if (!isOn) return undefined;
    const timer = setInterval(() => {
      const element = video.current;
      if (!element || element.videoWidth === 0) return;
      const part = Math.min(1, FOCUS_PX / Math.max(element.videoWidth, element.videoHeight));
      const canvas = drawn(element, Math.round(element.videoWidth * part), Math.round(element.videoHeight * part));
      const pixels = canvas.getContext("2d")?.getImageData(0, 0, canvas.width, canvas.height);
      if (!pixels) return;
      const now = sharpness(pixels.data, canvas.width, canvas.height);
      setFocus((before) => ({ now, best: Math.max(before.best, now) }));
    }, FOCUS_MS);
    return () => clearInterval(timer);
  }, [video, isOn]);
  return { now: focus.now, share: focus.now === null || focus.best === 0 ? 0 : focus.now / focus.best };
}

function drawn(video: HTMLVideoElement, width: number, height: number): HTMLCanvasElement {
  const canvas = document.createElement("canvas");
  canvas.width = width;
  canvas.height = height;
  canvas.getContext("2d", { willReadFrequently: true })?.drawImage(video, 0, 0, width, height);
  return canvas;
}

function stop(stream: MediaStream): void {
  for (const track of stream.getTracks()) track.stop();
}

function reasonOf(problem: unknown): string {
  if (problem instanceof DOMException && problem.name === "NotAllowedError") return t.camera.refused;
  if (problem instanceof DOMException && problem.name === "NotFoundError") return t.camera.missing;
  return t.camera.failed(problem instanceof Error ? problem.message : String(problem));
}
