"""Fields of view: nucleated cells among red cells and platelets, with known boxes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.ndimage import zoom

from marrowscope.errors import InputError
from marrowscope.synth.cell import NUCLEATED_TYPES, CellDyes, coverage_box, lay_cell
from marrowscope.synth.finer import FINER_RECIPES
from marrowscope.synth.recipes import BlastLook
from marrowscope.synth.red_cell import platelet, red_cell, smudge
from marrowscope.synth.stain import AZUROPHIL, DYES, EOSIN, HAEMOGLOBIN, Stain, draw_stain, expose

HEALTHY_MARROW: Mapping[str, float] = {
    "promyelocyte": 0.04, "myelocyte": 0.12, "metamyelocyte": 0.13, "band_neutrophil": 0.14,
    "segmented_neutrophil": 0.19, "eosinophil": 0.03, "basophil": 0.005, "monocyte": 0.035,
    "lymphocyte": 0.13, "erythroblast": 0.18,
}  # fmt: skip
"""Approximate shares of the types other than blasts in healthy marrow (Bain, *Br J Haematol* 1996;94:206)."""

_MAX_AREA_SHARE = 0.62
_CELL_AREA_UM2 = 145.0  # of an average marrow cell


@dataclass(frozen=True, eq=False)
class SyntheticField:
    """A field with its truth.

    `pixels` uint8 (H, W, 3) RGB; `boxes` float32 (n, 4) xyxy in px around nucleated cells, clipped to the
    image; `cell_types` their types, in the same order; `mpp` µm per pixel. Red cells, platelets and smudges
    have no boxes.
    """

    pixels: npt.NDArray[np.uint8]
    boxes: npt.NDArray[np.float32]
    cell_types: tuple[str, ...]
    mpp: float


def draw_field(
    seed: int | Sequence[int],
    *,
    width: int = 1024,
    height: int = 768,
    mpp: float = 0.10,
    cells: int = 12,
    composition: Mapping[str, float] | None = None,
    cell_types: Sequence[str] | None = None,
    crowding: float = 0.3,
    red_cells: float = 0.5,
    smudges: int = 0,
    stain: Stain | None = None,
    blast_look: BlastLook | None = None,
) -> SyntheticField:
    """Return a field of `width` x `height` px that depends on `seed` only.

    Parameters
    ----------
    cells : number of nucleated cells, of types drawn from `composition` (type to weight; if None, healthy
        marrow with 20 % blasts)
    cell_types : exact types; overrides `cells` and `composition`
    crowding : 0 for cells apart from each other, 1 for cells that touch and deform each other
    red_cells : approximate share of the free glass covered by red cells, 0-1
    smudges : number of burst nuclei, which have no boxes
    stain, blast_look : those of the slide and of the patient; random if None

    Raises
    ------
    InputError
        A type is unknown, or there are more cells than fit into the field.
    """
    rng = np.random.default_rng(seed)
    types = list(cell_types) if cell_types is not None else _draw_types(rng, cells, composition)
    _check(types, width, height, mpp)
    look = draw_stain(rng) if stain is None else stain
    laid = [lay_cell(rng, cell_type, mpp, blast_look) for cell_type in types]
    radii = np.array([np.sqrt(float((cell.coverage >= 0.5).sum()) / np.pi) for cell in laid])
    centres = _spread(rng, radii, (width, height), crowding)
    amounts = np.zeros((height, width, len(DYES)), dtype=np.float32)
    spots = _red_cell_spots(rng, (width, height), 3.6 / mpp, red_cells, (centres, radii))
    _lay_red_cells(rng, amounts, spots, mpp, look.pallor)
    for _ in range(int(rng.poisson(amounts.shape[0] * amounts.shape[1] * mpp**2 / 900.0))):
        _paste(amounts, platelet(rng, mpp), None, _anywhere(rng, amounts))
    _cloud(rng, amounts, mpp)
    for _ in range(smudges):
        _paste(amounts, *smudge(rng, mpp), _anywhere(rng, amounts))
    for cell, centre in zip(laid, centres, strict=True):
        _paste(amounts, cell.amounts, cell.coverage, (int(centre[0]), int(centre[1])))
    return SyntheticField(
        pixels=expose(rng, amounts, look, mpp),
        boxes=_boxes(laid, centres, width, height),
        cell_types=tuple(types),
        mpp=mpp,
    )


def _draw_types(rng: np.random.Generator, cells: int, composition: Mapping[str, float] | None) -> list[str]:
    weights = composition if composition is not None else {**HEALTHY_MARROW, "blast": 0.25}
    names = sorted(weights)
    shares = np.array([float(weights[name]) for name in names])
    if len(names) == 0 or shares.min() < 0 or shares.sum() <= 0:
        raise InputError("the weights of a composition must be 0 or more, and one of them above 0")
    return [names[index] for index in rng.choice(len(names), cells, p=shares / shares.sum())]


def _check(types: Sequence[str], width: int, height: int, mpp: float) -> None:
    for cell_type in types:
        if cell_type not in NUCLEATED_TYPES and cell_type not in FINER_RECIPES:
            raise InputError(f"{cell_type!r} cannot be drawn in a field; types: {', '.join(NUCLEATED_TYPES)}")
    holds = int(_MAX_AREA_SHARE * width * height * mpp**2 / _CELL_AREA_UM2)
    if len(types) > holds:
        raise InputError(
            f"{len(types)} cells do not fit into {width}x{height} px at {mpp} µm/px (at most {holds})"
        )


def _spread(
    rng: np.random.Generator, radii: npt.NDArray[np.float64], size: tuple[int, int], crowding: float
) -> npt.NDArray[np.float64]:
    """Return centres (n, 2) xy in px, pushed apart to the distance that `crowding` requires."""
    count = len(radii)
    low = np.minimum(radii[:, None] * 0.75, np.array(size) / 2)
    high = np.array(size) - low
    centres = rng.uniform(low, high) if count else np.zeros((0, 2))
    apart = (radii[:, None] + radii[None, :]) * (1.25 - 0.27 * float(np.clip(crowding, 0, 1)))
    np.fill_diagonal(apart, 0.0)
    for _ in range(120):
        delta = centres[:, None, :] - centres[None, :, :]
        distance = np.sqrt((delta**2).sum(axis=2)) + 1e-6
        overlap = np.maximum(apart - distance, 0.0)
        np.fill_diagonal(overlap, 0.0)
        if not overlap.any():
            break
        centres = centres + (delta / distance[..., None] * overlap[..., None]).sum(axis=1) * 0.4
        centres = np.clip(centres, low, high)
    return np.asarray(np.round(centres), dtype=np.float64)


def _red_cell_spots(
    rng: np.random.Generator,
    size: tuple[int, int],
    radius_px: float,
    share: float,
    occupied: tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]],
) -> list[npt.NDArray[np.float64]]:
    """Return positions of red cells outside the `occupied` centres and radii."""
    centres, radii = occupied
    width, height = size
    free = max(width * height - float((np.pi * radii**2).sum()) * 0.9, 0.0)
    target = int(free * max(share, 0.0) / (np.pi * radius_px**2))
    apart = radius_px * 2 * rng.uniform(0.55, 0.95)
    placed: list[npt.NDArray[np.float64]] = []
    for _attempt in range(target * 12):
        if len(placed) == target:
            break
        spot = rng.uniform((-radius_px, -radius_px), (width + radius_px, height + radius_px))
        clear = np.hypot(*(centres - spot).T) > radii + radius_px * 0.55
        near = np.hypot(*(np.reshape(placed, (-1, 2)) - spot).T) < apart
        if clear.all() and (not near.any() or rng.random() < 0.01):
            placed.append(spot)
    return placed


def _lay_red_cells(
    rng: np.random.Generator,
    amounts: npt.NDArray[np.float32],
    spots: Sequence[npt.NDArray[np.float64]],
    mpp: float,
    pallor: float,
) -> None:
    crenated = max(0.0, rng.normal(0.0, 0.03)) if rng.random() < 0.9 else rng.uniform(0.1, 0.5)
    layer = np.zeros(amounts.shape[:2], dtype=np.float32)
    for spot in spots:
        stamp = red_cell(rng, mpp, pallor, crenated=float(crenated))
        window, part = _windows(layer.shape, stamp.shape, (int(spot[0]), int(spot[1])))
        layer[window] += stamp[part]
    amounts[..., HAEMOGLOBIN] += layer


def _cloud(rng: np.random.Generator, amounts: npt.NDArray[np.float32], mpp: float) -> None:
    """Add a little uneven dye to the glass, like dried plasma and a faint precipitate."""
    height, width = amounts.shape[:2]
    coarse = rng.normal(0.0, 1.0, (height // 64 + 3, width // 64 + 3)).astype(np.float32)
    plasma = zoom(coarse, 64, order=1)[:height, :width]
    amounts[..., EOSIN] += np.clip(0.05 + 0.04 * plasma, 0.0, None) * np.float32(rng.uniform(0.0, 1.2))
    for _ in range(int(rng.poisson(rng.uniform(0.0, 0.003) * height * width * mpp**2))):
        row, column = int(rng.integers(height - 2)), int(rng.integers(width - 2))
        amounts[row : row + 2, column : column + 2, AZUROPHIL] += np.float32(rng.uniform(0.2, 1.0))


def _paste(
    amounts: npt.NDArray[np.float32],
    stamp: npt.NDArray[np.float32],
    coverage: npt.NDArray[np.float32] | None,
    centre: tuple[int, int],
) -> None:
    window, part = _windows(amounts.shape, stamp.shape, centre)
    if coverage is not None:  # a cell replaces what was in its place
        amounts[window] *= (1.0 - coverage[part])[..., None]
    amounts[window] += stamp[part]


def _windows(
    field: tuple[int, ...], stamp: tuple[int, ...], centre: tuple[int, int]
) -> tuple[tuple[slice, slice], tuple[slice, slice]]:
    left, top = centre[0] - stamp[1] // 2, centre[1] - stamp[0] // 2
    x0, y0 = max(left, 0), max(top, 0)
    x1, y1 = max(min(left + stamp[1], field[1]), x0), max(min(top + stamp[0], field[0]), y0)
    return (slice(y0, y1), slice(x0, x1)), (slice(y0 - top, y1 - top), slice(x0 - left, x1 - left))


def _anywhere(rng: np.random.Generator, amounts: npt.NDArray[np.float32]) -> tuple[int, int]:
    return int(rng.integers(amounts.shape[1])), int(rng.integers(amounts.shape[0]))


def _boxes(
    laid: Sequence[CellDyes], centres: npt.NDArray[np.float64], width: int, height: int
) -> npt.NDArray[np.float32]:
    boxes = np.zeros((len(laid), 4), dtype=np.float32)
    for index, (cell, centre) in enumerate(zip(laid, centres, strict=True)):
        corner = np.array([centre[0] - cell.coverage.shape[1] // 2, centre[1] - cell.coverage.shape[0] // 2])
        boxes[index] = coverage_box(cell.coverage) + np.tile(corner, 2)
    return np.clip(boxes, 0, np.array([width, height, width, height], dtype=np.float32))
