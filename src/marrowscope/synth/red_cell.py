"""Red cells, platelets and smudges, which surround the counted cells."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from marrowscope.synth import stain as dyes
from marrowscope.synth.shapes import Canvas, Float2D, blob


def red_cell(rng: np.random.Generator, mpp: float, pallor: float, crenated: float = 0.03) -> Float2D:
    """Return the haemoglobin amounts, float32 (S, S), of a red cell of 6-8.6 µm; `crenated` is a chance."""
    radius = float(np.clip(rng.normal(3.6, 0.22), 3.0, 4.3))
    canvas = Canvas.of_half_side(radius * 1.45, mpp)
    kind = rng.random()
    if kind < 0.06:
        shape = blob(rng, canvas, radius, roughness=0.10, elongation=rng.uniform(1.1, 1.5))
    elif kind < 0.06 + crenated:  # echinocyte: a crenated edge
        shape = blob(rng, canvas, radius * 0.95, roughness=0.015)
        theta = np.arctan2(canvas.y, canvas.x)
        shape += np.float32(0.16) * np.cos(theta * int(rng.integers(9, 15)))
    else:
        shape = blob(rng, canvas, radius, roughness=0.022, elongation=rng.uniform(1.0, 1.18))
    depth = np.clip(shape / radius, 0.0, 1.0)  # 0 at the edge, 1 in the middle
    dip = float(np.clip(pallor + rng.normal(0, 0.15), 0.0, 0.95))
    hollow = 1.0 / (1.0 + np.exp(-(depth - rng.uniform(0.42, 0.62)) / rng.uniform(0.05, 0.11)))
    thickness = canvas.coverage(shape, 0.35) * (0.92 + 0.25 * np.exp(-(((depth - 0.1) / 0.12) ** 2)))
    thickness *= 1.0 - dip * hollow
    return np.asarray(thickness * rng.normal(1.0, 0.06), dtype=np.float32)


def platelet(rng: np.random.Generator, mpp: float) -> npt.NDArray[np.float32]:
    """Return the dye amounts, float32 (S, S, 6), of one platelet of 2-4 µm."""
    radius = float(np.clip(rng.normal(1.3, 0.3), 0.85, 2.3))
    canvas = Canvas.of_half_side(radius * 1.8, mpp)
    shape = blob(rng, canvas, radius, roughness=0.09, elongation=rng.uniform(1.0, 1.35))
    shape = shape + canvas.noise(rng, 0.7) * np.float32(0.09)
    inside = canvas.coverage(shape, 0.3)
    amounts = np.zeros((*shape.shape, 6), dtype=np.float32)
    amounts[..., dyes.BASOPHILIA] = inside * np.float32(rng.uniform(0.25, 0.5))
    core = canvas.coverage(shape - np.float32(0.3 * radius), 0.4 * radius)
    grains = np.clip(0.5 + 0.5 * canvas.noise(rng, 0.5), 0.0, 1.4)
    amounts[..., dyes.AZUROPHIL] = core * grains * np.float32(rng.uniform(0.5, 1.0)) + inside * np.float32(
        0.12
    )
    return amounts


def smudge(rng: np.random.Generator, mpp: float) -> tuple[npt.NDArray[np.float32], Float2D]:
    """Return dye amounts (S, S, 6) and coverage (S, S) of a burst nucleus spread over 12-20 µm."""
    radius = rng.uniform(5.0, 8.5)
    canvas = Canvas.of_half_side(radius * 1.9, mpp)
    shape = blob(rng, canvas, radius, roughness=0.15, elongation=rng.uniform(1.0, 1.7))
    shape = shape + canvas.noise(rng, 4.0) * np.float32(1.3) + canvas.noise(rng, 1.2) * np.float32(0.35)
    cover = canvas.coverage(shape, 1.6)
    strands = np.clip(0.9 + 0.45 * canvas.noise(rng, 1.1) + 0.25 * canvas.noise(rng, 0.4), 0.05, None)
    amounts = np.zeros((*shape.shape, 6), dtype=np.float32)
    amounts[..., dyes.AZUROPHIL] = cover * strands * np.float32(rng.uniform(0.22, 0.45))
    amounts[..., dyes.CHROMATIN] = cover * strands * np.float32(rng.uniform(0.05, 0.18))
    return amounts, cover
