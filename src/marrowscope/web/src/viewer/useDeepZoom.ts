/** The parts of OpenSeadragon that the field viewer needs. */
import OpenSeadragon from "openseadragon";
import { useEffect, useRef, useState, type RefObject } from "react";
import type { Frame } from "./boxes";

const NEARLY = 1.1; // zoom over that of the whole field up to which the field counts as shown whole

export interface DeepZoom {
  viewer: OpenSeadragon.Viewer | null;
  /** Increases with each movement. */
  moved: number;
  frame: () => Frame | null;
  /** Show the whole field. */
  whole: () => void;
}

/** Show a deep-zoom image in an element; the zoom is kept from field to field. */
export function useDeepZoom(host: RefObject<HTMLElement | null>, dzi: string | null): DeepZoom {
  const [viewer, setViewer] = useState<OpenSeadragon.Viewer | null>(null);
  const [moved, setMoved] = useState(0);
  const zoomed = useRef<number | null>(null);
  // Whether the whole field is shown: then it is fitted again when the layout changes.
  const isFitted = useRef(true);
  useEffect(() => {
    if (!host.current) return undefined;
    withoutInlineStyle();
    const made = OpenSeadragon({
      element: host.current,
      drawer: "canvas",
      showNavigationControl: false,
      tabIndex: -1,
      animationTime: 0.25,
      springStiffness: 10,
      visibilityRatio: 0.6,
      minZoomImageRatio: 0.9,
      maxZoomPixelRatio: 6,
      gestureSettingsMouse: { clickToZoom: false, dblClickToZoom: true },
    });
    // The page has its own keys.
    made.addHandler("canvas-key", (event) => {
      (event as unknown as { preventDefaultAction: boolean }).preventDefaultAction = true;
    });
    const moving = (): void => setMoved((count) => count + 1);
    for (const name of ["open", "update-viewport", "resize"] as const) made.addHandler(name, moving);
    const note = (): void => {
      if (made.isOpen()) isFitted.current = made.viewport.getZoom(false) <= made.viewport.getHomeZoom() * NEARLY;
    };
    for (const name of ["zoom", "pan"] as const) made.addHandler(name, note);
    made.addHandler("resize", () => {
      if (!isFitted.current) return;
      // After the viewer has restored its own zoom, which no longer shows the whole field.
      requestAnimationFrame(() => {
        if (!made.isOpen()) return;
        isFitted.current = true;
        made.viewport.goHome(true);
      });
    });
    setViewer(made);
    return () => {
      setViewer(null);
      made.destroy();
    };
  }, [host]);
  useEffect(() => {
    if (!viewer || !dzi) return;
    if (viewer.isOpen()) {
      zoomed.current = isFitted.current ? null : viewer.viewport.viewportToImageZoom(viewer.viewport.getZoom(false));
    }
    viewer.addOnceHandler("open", () => {
      if (zoomed.current !== null) viewer.viewport.zoomTo(viewer.viewport.imageToViewportZoom(zoomed.current), undefined, true);
    });
    viewer.open({ tileSource: dzi });
  }, [viewer, dzi]);
  const frame = (): Frame | null => {
    if (!viewer?.isOpen()) return null;
    const item = viewer.world.getItemAt(0);
    if (!item) return null;
    const origin = item.imageToViewerElementCoordinates(new OpenSeadragon.Point(0, 0));
    const far = item.imageToViewerElementCoordinates(new OpenSeadragon.Point(1000, 0));
    return { scale: (far.x - origin.x) / 1000, x: origin.x, y: origin.y };
  };
  const whole = (): void => {
    isFitted.current = true;
    viewer?.viewport.goHome();
  };
  return { viewer, moved, frame, whole };
}

/** OpenSeadragon adds a style element if it finds none, which the page's policy forbids.
 * This placeholder has the same name but is not HTML, so it has no effect as a style. */
function withoutInlineStyle(): void {
  if (document.querySelector("style[data-openseadragon-mobile-css]")) return;
  const style = document.createElementNS("urn:marrowscope", "style");
  style.setAttribute("data-openseadragon-mobile-css", "true");
  document.head.append(style);
}

/** Bring a box into view without changing the zoom, unless it would be too small to see. */
export function bringIntoView(viewer: OpenSeadragon.Viewer, box: readonly [number, number, number, number], force: boolean): void {
  const item = viewer.world.getItemAt(0);
  if (!item) return;
  const rectangle = item.imageToViewportRectangle(box[0], box[1], box[2] - box[0], box[3] - box[1]);
  const bounds = viewer.viewport.getBounds();
  const inside = bounds.containsPoint(rectangle.getTopLeft()) && bounds.containsPoint(rectangle.getBottomRight());
  if (force && rectangle.width / bounds.width < 0.1) viewer.viewport.zoomTo(viewer.viewport.getZoom() * ((0.16 * bounds.width) / rectangle.width), rectangle.getCenter(), true);
  if (force || !inside) viewer.viewport.panTo(rectangle.getCenter(), true);
}
