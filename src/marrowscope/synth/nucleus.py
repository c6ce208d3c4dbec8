"""Nuclei: outlines and chromatin."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from marrowscope.synth.shapes import Canvas, Float2D, blob, chain, cut

NucleusKind = Literal[
    "round", "oval", "bean", "kidney", "folded", "band", "segmented", "bilobed", "lobulated"
]


@dataclass(frozen=True)
class Chromatin:
    """Appearance of the chromatin.

    `density` is the mean dye amount, `clump_um` and `clumping` the grain and contrast of the coarse pattern,
    `fineness` the contrast of the fine one, `nucleoli` the least and greatest number of pale nucleoli, and
    `redness` the shift of open chromatin in young cells towards magenta, 0-1.
    """

    density: float
    clump_um: float
    clumping: float
    fineness: float = 0.08
    nucleoli: tuple[int, int] = (0, 0)
    redness: float = 0.0


def outline(
    rng: np.random.Generator, canvas: Canvas, kind: NucleusKind, cell_radius_um: float, share: float
) -> Float2D:
    """Return a nucleus that fills about `share` of a cell of that radius, as signed distance in µm."""
    radius = cell_radius_um * float(np.sqrt(share))
    if kind in ("round", "oval"):
        shape = _roundish(rng, canvas, radius, cell_radius_um, 1.06 if kind == "round" else 1.25)
    elif kind in ("bean", "kidney", "folded"):
        shape = _indented(rng, canvas, kind, radius, cell_radius_um)
    elif kind == "band":
        shape = _horseshoe(rng, canvas, cell_radius_um, share)
    elif kind == "lobulated":
        shape = _lobulated(rng, canvas, radius, cell_radius_um)
    else:
        lobes = 2 if kind == "bilobed" else int(rng.choice((2, 3, 4, 5), p=(0.18, 0.45, 0.29, 0.08)))
        shape = _lobed(rng, canvas, cell_radius_um, share, lobes)
    loose = 0.18 if kind in ("band", "segmented", "bilobed", "folded") else 0.10
    waver = canvas.noise(rng, 1.8) * np.float32(loose) + canvas.noise(rng, 0.7) * np.float32(0.05)
    return shape + waver


def fill(rng: np.random.Generator, canvas: Canvas, shape: Float2D, chromatin: Chromatin) -> Float2D:
    """Return the dye amounts of a nucleus with that outline."""
    inside = canvas.coverage(shape, 0.25)
    coarse = np.tanh(canvas.noise(rng, chromatin.clump_um) * np.float32(1.2))
    fine = canvas.noise(rng, 0.28)
    cloud = canvas.noise(rng, 3.0)
    # The small pale gaps between the clumps are the parachromatin.
    gaps = np.clip(canvas.noise(rng, chromatin.clump_um * 0.75) - 0.7, 0.0, 1.3)
    texture = (
        1.0 + 1.3 * chromatin.clumping * (coarse - 0.7 * gaps) + chromatin.fineness * fine + 0.09 * cloud
    )
    # The membrane carries condensed chromatin; the thickness decreases towards the edge.
    membrane = 0.16 * np.exp(-(((shape - 0.3) / 0.28) ** 2))
    dome = 0.85 + 0.15 * np.clip(shape / 1.5, 0.0, 1.0)
    amount = inside * np.maximum(texture + membrane, 0.15) * dome * np.float32(chromatin.density)
    return np.asarray(amount * _around_nucleoli(rng, canvas, shape, chromatin.nucleoli), dtype=np.float32)


def _around_nucleoli(
    rng: np.random.Generator, canvas: Canvas, shape: Float2D, between: tuple[int, int]
) -> Float2D:
    factor = np.ones_like(shape)
    count = int(rng.integers(between[0], between[1] + 1))
    places = np.argwhere(shape > 1.3)
    if count == 0 or len(places) == 0:
        return factor
    for row, column in places[rng.integers(0, len(places), count)]:
        centre = (float(canvas.x[row, column]), float(canvas.y[row, column]))
        window, close = canvas.near(int(row), int(column), 2.4)
        ball = blob(rng, close, rng.uniform(0.6, 1.15), elongation=rng.uniform(1.0, 1.3), centre_um=centre)
        factor[window] *= 1.0 - np.float32(rng.uniform(0.22, 0.48)) * close.coverage(ball, 0.5)
        factor[window] += np.float32(0.10) * np.exp(-((ball / 0.25) ** 2))  # perinucleolar chromatin
    return factor


def _roundish(
    rng: np.random.Generator, canvas: Canvas, radius: float, cell_radius: float, stretch: float
) -> Float2D:
    room = max(cell_radius - radius * 1.06, 0.0)
    away = rng.uniform(0.2, 0.95) * room
    angle = rng.uniform(0, 2 * np.pi)
    centre = (away * np.cos(angle), away * np.sin(angle))
    return blob(rng, canvas, radius, roughness=0.03, elongation=rng.uniform(1.0, stretch), centre_um=centre)


def _indented(
    rng: np.random.Generator, canvas: Canvas, kind: NucleusKind, radius: float, cell_radius: float
) -> Float2D:
    angle = rng.uniform(0, 2 * np.pi)
    towards = np.array([np.cos(angle), np.sin(angle)])
    centre = -towards * max(cell_radius - radius * 1.08, 0.0) * rng.uniform(0.4, 0.9)
    stretch = rng.uniform(1.05, 1.3)
    shape = blob(
        rng, canvas, radius * 1.06, roughness=0.05, elongation=stretch, centre_um=(centre[0], centre[1])
    )
    depth = {"bean": 0.30, "kidney": 0.55, "folded": 0.42}[kind] * rng.uniform(0.75, 1.25)
    bite_radius = radius * rng.uniform(0.42, 0.7)
    bite_centre = centre + towards * (radius * (1.06 - depth) + bite_radius)
    bite = blob(rng, canvas, bite_radius, roughness=0.06, centre_um=(bite_centre[0], bite_centre[1]))
    shape = cut(shape, bite)
    if kind == "folded" and rng.random() < 0.6:
        turn = angle + rng.uniform(1.8, 4.4)
        side = centre + np.array([np.cos(turn), np.sin(turn)]) * radius * 1.25
        shape = cut(shape, blob(rng, canvas, radius * 0.42, roughness=0.06, centre_um=(side[0], side[1])))
    return shape


def _arc(rng: np.random.Generator, radius: float, sweep: float, count: int) -> npt.NDArray[np.float64]:
    angles = rng.uniform(0, 2 * np.pi) + np.linspace(-sweep / 2, sweep / 2, count)
    points = np.stack([np.cos(angles), np.sin(angles)], axis=1) * radius
    points *= np.array([1.0, rng.uniform(0.75, 1.0)])
    return np.asarray(points, dtype=np.float64)


def _horseshoe(rng: np.random.Generator, canvas: Canvas, cell_radius: float, share: float) -> Float2D:
    sweep = rng.uniform(2.9, 4.6)
    path = cell_radius * rng.uniform(0.46, 0.56)
    half_width = share * np.pi * cell_radius**2 / (2 * sweep * path + np.pi * cell_radius * 0.2)
    points = _arc(rng, path, sweep, 7)
    points += rng.normal(0, 0.05 * cell_radius, points.shape) - points.mean(axis=0) * 0.5
    radii = half_width * rng.uniform(0.82, 1.12, 7)
    radii[2:5] *= rng.uniform(0.75, 1.0)
    return chain(canvas, points, list(radii))


def _lobed(rng: np.random.Generator, canvas: Canvas, cell_radius: float, share: float, lobes: int) -> Float2D:
    radius = cell_radius * float(np.sqrt(share / lobes)) * 0.97
    ring = min(cell_radius * 0.92 - radius, radius * 1.25 / np.sin(np.pi / max(lobes, 3)))
    sweep = {2: 2.6, 3: 3.9, 4: 4.6, 5: 5.2}[lobes] * rng.uniform(0.85, 1.1)
    points = _arc(rng, ring, sweep, lobes)
    points += rng.normal(0, 0.07 * cell_radius, points.shape) - points.mean(axis=0) * 0.7
    # Each lobe consists of two balls, so that it is longer than wide.
    drawn = np.full(canvas.x.shape, -1e3, dtype=np.float32)
    for point in points:
        tilt = rng.uniform(0, np.pi)
        half = np.array([np.cos(tilt), np.sin(tilt)]) * radius * rng.uniform(0.15, 0.6)
        sizes = radius * rng.uniform(0.7, 0.98, 2)
        drawn = np.maximum(drawn, chain(canvas, np.stack([point - half, point + half]), list(sizes)))
    thread = chain(canvas, points, [0.3] * lobes, waist_um=rng.uniform(0.2, 0.75))
    return np.maximum(drawn, thread)


def _lobulated(rng: np.random.Generator, canvas: Canvas, radius: float, cell_radius: float) -> Float2D:
    """Return one mass of overlapping lobes, as a polyploid nucleus has."""
    lobes = int(rng.integers(4, 10))
    angle = rng.uniform(0, 2 * np.pi)
    away = rng.uniform(0.0, 0.7) * max(cell_radius - radius * 1.25, 0.0)
    middle = np.array([np.cos(angle), np.sin(angle)]) * away
    around = angle + np.arange(lobes) * 2 * np.pi / lobes + rng.normal(0, 0.25, lobes)
    drawn = blob(rng, canvas, radius * 0.6, roughness=0.06, centre_um=(middle[0], middle[1]))
    for turn in around:
        place = middle + np.array([np.cos(turn), np.sin(turn)]) * radius * rng.uniform(0.45, 0.8)
        size = radius * rng.uniform(0.28, 0.5)
        drawn = np.maximum(drawn, blob(rng, canvas, size, roughness=0.05, centre_um=(place[0], place[1])))
    return drawn
