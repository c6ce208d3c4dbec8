"""From a recipe to pictures in memory: the training sampler and the validation sets."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from marrowscope.imaging.scale import WORKING_MPP
from marrowscope.models.detector import built_in_detector
from marrowscope.synth import draw_field
from marrowscope.training.composites.compose import DenseComposer
from marrowscope.training.detector.data import (
    CachedField,
    CanvasSampler,
    FieldPool,
    cache_field,
    cached,
)
from marrowscope.training.detector.recipe import CompositeFields, DetectorRecipe, FieldSet

_SYNTHETIC_FIELDS = 50
_SYNTHETIC_SIZE = (640, 480)
_SYNTHETIC_MPP = 0.13
_MOST_SYNTHETIC_CELLS = 21  # what a field of this size holds
_SYNTHETIC_ZOOM = (0.45, 1.6)
_COMPOSED_FIELDS, _COMPOSED_PX, _COMPOSED_CELLS = 60, 416, 400


@dataclass(frozen=True)
class ValidationSet:
    """Held-out fields at the working scale and the overlap that counts as found."""

    name: str
    fields: tuple[CachedField, ...]
    match_iou: float


def build_sampler(recipe: DetectorRecipe, cache: Path | None = None) -> CanvasSampler:
    """Load every training source into memory; cut-out cells are kept in the file `cache` for the next time.

    Raises DatasetError when a source cannot be read.
    """
    pools = [_pool(source) for source in recipe.sources if source.role == "train"]
    if recipe.synthetic_share > 0:
        odds = recipe.synthetic_share / (1.0 - recipe.synthetic_share)
        pools.append(synthetic_pool(odds * sum(pool.weight for pool in pools), recipe.seed))
    if recipe.composites is None:
        return CanvasSampler(pools, single_share=recipe.single_field_share)
    composer = _composer(recipe.composites, "train", recipe.composites.limit, cache)
    return CanvasSampler(pools, composer, recipe.composites.share, recipe.single_field_share)


def _composer(composites: CompositeFields, part: str, limit: int, cache: Path | None = None) -> DenseComposer:
    return DenseComposer.from_folders(
        composites.cells,
        built_in_detector(),
        composites.background_paths(),
        composites.backgrounds_mpp,
        part=part,
        limit=limit,
        cache=cache,
    )


def _pool(source: FieldSet) -> FieldPool:
    fields = tuple(cache_field(field, source.mpp) for field in source.read())
    return FieldPool(fields, source.weight, source.zoom)


def synthetic_pool(weight: float, seed: int, count: int = _SYNTHETIC_FIELDS) -> FieldPool:
    """Draw `count` synthetic fields from `seed`, from empty to crowded, drawn upon with `weight`."""
    fields = []
    for index in range(count):
        rng = np.random.default_rng([seed, index])
        drawn = draw_field(
            [seed, index],
            width=_SYNTHETIC_SIZE[0],
            height=_SYNTHETIC_SIZE[1],
            mpp=_SYNTHETIC_MPP,
            cells=int(rng.integers(0, _MOST_SYNTHETIC_CELLS)),
            crowding=float(rng.random()),
            red_cells=float(rng.uniform(0.0, 0.9)),
        )
        visible = np.zeros(len(drawn.boxes), dtype=bool)
        fields.append(cached(drawn.pixels, drawn.boxes, visible, drawn.mpp))
    return FieldPool(tuple(fields), weight, _SYNTHETIC_ZOOM)


def build_validation(recipe: DetectorRecipe) -> list[ValidationSet]:
    """Load every validating source at the working scale, and compose fields of cells not trained on."""
    composed = [] if recipe.composites is None else [_composed(recipe.composites, recipe.seed)]
    return composed + [
        ValidationSet(
            source.name,
            tuple(cache_field(field, source.mpp, finest_mpp=WORKING_MPP) for field in source.read()),
            source.match_iou,
        )
        for source in recipe.sources
        if source.role == "validate"
    ]


def _composed(composites: CompositeFields, seed: int) -> ValidationSet:
    """Compose fields as in training, of the sets' validation parts."""
    composer = _composer(composites, "val", _COMPOSED_CELLS)
    fields = []
    for index in range(_COMPOSED_FIELDS):
        drawn = composer.compose(np.random.default_rng([seed, index]), _COMPOSED_PX, WORKING_MPP)
        fields.append(cached(*drawn, WORKING_MPP, WORKING_MPP))
    return ValidationSet("composites", tuple(fields), 0.5)
