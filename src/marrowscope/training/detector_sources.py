"""From a recipe to pictures in memory: the training sampler and the validation sets."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from marrowscope.training.compose import DenseComposer
from marrowscope.training.detector_data import CachedField, CanvasSampler, FieldPool, cache_field
from marrowscope.training.detector_recipe import WORKING_MPP, DetectorRecipe, FieldSource


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
    if recipe.composites is None:
        return CanvasSampler(pools, single_share=recipe.single_field_share)
    composer = DenseComposer.from_folders(
        recipe.composites.cells,
        recipe.composites.background_paths(),
        limit=recipe.composites.limit,
        cache=cache,
        background_mpp=recipe.composites.backgrounds_mpp,
    )
    return CanvasSampler(pools, composer, recipe.composites.share, recipe.single_field_share)


def _pool(source: FieldSource) -> FieldPool:
    fields = tuple(cache_field(field, source.mpp) for field in source.read())
    return FieldPool(fields, source.weight, source.zoom)


def build_validation(recipe: DetectorRecipe) -> list[ValidationSet]:
    """Load every validating source at the working scale."""
    return [
        ValidationSet(
            source.name,
            tuple(cache_field(field, source.mpp, finest_mpp=WORKING_MPP) for field in source.read()),
            source.match_iou,
        )
        for source in recipe.sources
        if source.role == "validate"
    ]
