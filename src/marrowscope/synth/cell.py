"""Nucleated cells, drawn from a recipe per type."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from marrowscope.errors import InputError
from marrowscope.synth import stain as dyes
from marrowscope.synth.finer import FINER_RECIPES
from marrowscope.synth.nucleus import Chromatin, fill, outline
from marrowscope.synth.recipes import RECIPES, BlastLook, Granules, Recipe
from marrowscope.synth.red_cell import platelet
from marrowscope.synth.shapes import Canvas, Float2D, blob, cut
from marrowscope.synth.stain import Stain, draw_stain, expose

NUCLEATED_TYPES: tuple[str, ...] = tuple(sorted(RECIPES))
CELL_TYPES: tuple[str, ...] = tuple(sorted([*RECIPES, "platelet"]))


@dataclass(frozen=True, eq=False)
class CellDyes:
    """A cell before it is photographed.

    `amounts` float32 (S, S, 6) in the order of `stain.DYES`, `coverage` float32 (S, S), 0-1, of the whole
    cell, and `nucleus` bool (S, S), all centred on the cell.
    """

    amounts: npt.NDArray[np.float32]
    coverage: Float2D
    nucleus: npt.NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class SyntheticCell:
    """One cell on empty glass.

    `pixels` uint8 (S, S, 3) RGB; `coverage` float32 (S, S), 0-1, of the whole cell; `nucleus` bool (S, S);
    `box` float32 (4,) xyxy in px around the whole cell.
    """

    pixels: npt.NDArray[np.uint8]
    coverage: Float2D
    nucleus: npt.NDArray[np.bool_]
    box: npt.NDArray[np.float32]
    cell_type: str
    mpp: float


def draw_cell(
    rng: np.random.Generator, cell_type: str, mpp: float, *, stain: Stain | None = None
) -> SyntheticCell:
    """Return one cell of a type in `CELL_TYPES` on empty glass, at `mpp` µm per pixel.

    Raises
    ------
    InputError
        The type cannot be drawn, or the pixel size is outside 0.02-1 µm.
    """
    drawn = lay_cell(rng, cell_type, mpp)
    look = draw_stain(rng) if stain is None else stain
    return SyntheticCell(
        pixels=expose(rng, drawn.amounts, look, mpp),
        coverage=drawn.coverage,
        nucleus=drawn.nucleus,
        box=coverage_box(drawn.coverage),
        cell_type=cell_type,
        mpp=mpp,
    )


def lay_cell(
    rng: np.random.Generator, cell_type: str, mpp: float, blast_look: BlastLook | None = None
) -> CellDyes:
    """Return the dyes of one cell; blasts follow `blast_look`, which is random if None."""
    if not 0.02 <= mpp <= 1.0:
        raise InputError(f"pixel size {mpp} µm is outside 0.02-1 µm")
    if cell_type == "platelet":
        amounts = platelet(rng, mpp)
        cover = np.clip(
            amounts[..., dyes.BASOPHILIA] / (amounts[..., dyes.BASOPHILIA].max() + 1e-6), 0.0, 1.0
        )
        return CellDyes(amounts, cover, np.zeros(cover.shape, dtype=np.bool_))
    recipe = RECIPES.get(cell_type) or FINER_RECIPES.get(cell_type)
    if recipe is None:
        raise InputError(f"no synthetic cell of type {cell_type!r}; types: {', '.join(CELL_TYPES)}")
    if cell_type == "blast":
        recipe = (blast_look or BlastLook.draw(rng)).applied_to(recipe)
    return lay_recipe(rng, recipe, mpp)


def coverage_box(coverage: Float2D) -> npt.NDArray[np.float32]:
    """Return float32 (4,) xyxy in px around the pixels that are at least half covered."""
    rows, columns = np.nonzero(coverage >= 0.5)
    return np.array([columns.min(), rows.min(), columns.max() + 1, rows.max() + 1], dtype=np.float32)


def lay_recipe(rng: np.random.Generator, recipe: Recipe, mpp: float) -> CellDyes:
    """Return the dyes of one cell after a recipe."""
    middle = (recipe.diameter_um[0] + recipe.diameter_um[1]) / 2
    spread = (recipe.diameter_um[1] - recipe.diameter_um[0]) / 4
    diameter = float(np.clip(rng.normal(middle, spread), *recipe.diameter_um))
    radius = diameter / 2
    canvas = Canvas.of_half_side(radius * 1.5, mpp)
    body = blob(
        rng, canvas, radius, roughness=recipe.roughness, elongation=rng.uniform(1.0, recipe.elongation)
    )
    ragged = recipe.roughness * rng.uniform(0.4, 3.2)
    body = (
        body + canvas.noise(rng, 2.5) * np.float32(ragged) + canvas.noise(rng, 1.0) * np.float32(ragged / 2)
    )
    if rng.random() < recipe.pressed:
        body = _pressed(rng, canvas, body, radius)
    share = rng.uniform(*recipe.nucleus_share)
    kind = recipe.nuclei[int(rng.integers(len(recipe.nuclei)))]
    core = outline(rng, canvas, kind, radius, share)
    core = np.minimum(core, body - np.float32(0.15))  # keeps the nucleus inside the cell
    chromatin = fill(rng, canvas, core, _varied(rng, recipe.chromatin))
    cover = canvas.coverage(body, 0.2)
    amounts = _cytoplasm(rng, canvas, recipe, body, core)
    red = np.float32(np.clip(recipe.chromatin.redness + rng.normal(0, 0.08), 0.0, 0.95))
    amounts[..., dyes.CHROMATIN] += chromatin * (1 - red)
    amounts[..., dyes.AZUROPHIL] += chromatin * red
    for granules in recipe.granules:
        _scatter(rng, canvas, amounts, granules=granules, body=body, core=core)
    _hollow_vacuoles(rng, canvas, amounts, (body > 0.5) & (core < 0.1), recipe.vacuoles)
    return CellDyes(amounts, cover, core > 0)


def _pressed(rng: np.random.Generator, canvas: Canvas, body: Float2D, radius_um: float) -> Float2D:
    """Return the cell flattened on one or two sides, as if by neighbours."""
    for _ in range(int(rng.integers(1, 3))):
        angle = rng.uniform(0, 2 * np.pi)
        wall = canvas.x * np.float32(np.cos(angle)) + canvas.y * np.float32(np.sin(angle))
        body = cut(body, wall - np.float32(radius_um * rng.uniform(0.72, 0.95)), 1.5)
    return body


def _varied(rng: np.random.Generator, chromatin: Chromatin) -> Chromatin:
    return replace(
        chromatin,
        density=chromatin.density * float(np.clip(rng.normal(1.0, 0.07), 0.8, 1.2)),
        clumping=chromatin.clumping * rng.uniform(0.6, 1.8),
    )


def _cytoplasm(
    rng: np.random.Generator, canvas: Canvas, recipe: Recipe, body: Float2D, core: Float2D
) -> npt.NDArray[np.float32]:
    amounts = np.zeros((*body.shape, len(dyes.DYES)), dtype=np.float32)
    cover = canvas.coverage(body, 0.3)
    mottled = 1.0 + 0.10 * canvas.noise(rng, 1.0) + 0.07 * canvas.noise(rng, 0.35)
    edge = 1.0 + recipe.rim * np.exp(-((body / 0.7) ** 2))
    # The Golgi zone around the nucleus takes up less dye.
    clear = 1.0 - recipe.clearing * np.exp(-(((core + 0.9) / 0.8) ** 2)) * (core < 0.2)
    thickness = cover * mottled * edge * clear
    amounts[..., dyes.BASOPHILIA] = thickness * np.float32(rng.uniform(*recipe.blue))
    amounts[..., dyes.EOSIN] = thickness * np.float32(rng.uniform(*recipe.pink))
    amounts[..., dyes.HAEMOGLOBIN] = thickness * np.float32(rng.uniform(*recipe.haemoglobin))
    return amounts


def _scatter(
    rng: np.random.Generator,
    canvas: Canvas,
    amounts: npt.NDArray[np.float32],
    *,
    granules: Granules,
    body: Float2D,
    core: Float2D,
) -> None:
    patchy = np.clip(0.9 + 0.3 * canvas.noise(rng, 2.5), 0.2, 1.5)
    outside = 1.0 - canvas.coverage(core) * np.float32(1.0 - granules.over_nucleus)
    where = canvas.coverage(body - np.float32(granules.size_um * 0.5)) * outside * patchy
    per_um2 = granules.per_um2 * rng.uniform(0.6, 1.4)
    dots = canvas.dots(rng, where, per_um2, granules.size_um)
    dots = np.minimum(dots, 1.5) * np.float32(granules.amount * rng.uniform(0.75, 1.25))
    for dye, part in granules.dyes:
        amounts[..., dye] += dots * np.float32(part)


def _hollow_vacuoles(
    rng: np.random.Generator,
    canvas: Canvas,
    amounts: npt.NDArray[np.float32],
    where: npt.NDArray[np.bool_],
    between: tuple[int, int],
) -> None:
    places = np.argwhere(where)
    count = int(rng.integers(between[0], between[1] + 1))
    if count == 0 or len(places) == 0:
        return
    for row, column in places[rng.integers(0, len(places), count)]:
        centre = (float(canvas.x[row, column]), float(canvas.y[row, column]))
        window, close = canvas.near(int(row), int(column), 1.6)
        hole = close.coverage(blob(rng, close, rng.uniform(0.3, 0.75), centre_um=centre), 0.25)
        amounts[window] *= (1.0 - np.float32(0.75) * hole)[..., None]
