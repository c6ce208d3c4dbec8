import OpenSeadragon from "openseadragon";
import { useEffect, useRef, type ReactNode } from "react";
import type { Box } from "../api/shapes";
import { useDeepZoom } from "./useDeepZoom";

const AROUND = 2; // sides of a box that are seen on each side of it

/** A slide or an image with deep zoom; where a box is given, that place is shown and marked. */
export function ImageViewer({ name, dzi, box = null }: { name: string; dzi: string; box?: Box | null }): ReactNode {
  const host = useRef<HTMLDivElement>(null);
  const { viewer } = useDeepZoom(host, dzi);
  const place = box?.join(" ") ?? null;
  useEffect(() => {
    if (!viewer || !box) return undefined;
    const show = (): void => mark(viewer, box);
    if (viewer.isOpen()) show();
    else viewer.addOnceHandler("open", show);
    return () => viewer.removeHandler("open", show);
  }, [viewer, dzi, place]);
  return <div ref={host} className="slide-viewer" role="img" aria-label={name} />;
}

function mark(viewer: OpenSeadragon.Viewer, [x0, y0, x1, y1]: Box): void {
  const image = viewer.world.getItemAt(0);
  const frame = document.createElement("div");
  frame.className = "place-mark";
  viewer.clearOverlays();
  viewer.addOverlay({ element: frame, location: image.imageToViewportRectangle(x0, y0, x1 - x0, y1 - y0) });
  const [width, height] = [(x1 - x0) * AROUND, (y1 - y0) * AROUND];
  viewer.viewport.fitBounds(image.imageToViewportRectangle(x0 - width, y0 - height, x1 - x0 + 2 * width, y1 - y0 + 2 * height), true);
}
