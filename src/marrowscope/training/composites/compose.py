"""Dense fields with known boxes: real cells laid on leukocyte-free fields, from sparse to crowded.

Marrow and leukemia fields are crowded; the public fields with boxes are not. Cells travel as transmittance
(`cutouts`), so they take the lamp of the field they land on, and leave neither halo nor seam.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from marrowscope.errors import DatasetError
from marrowscope.models.detector import Detector
from marrowscope.training.composites.backgrounds import (
    Background,
    load_background,
    plain_light,
    plain_slide,
    red_cells_of,
)
from marrowscope.training.composites.cutouts import (
    CLEAR,
    CutOut,
    cells_of_part,
    cut_outs_of,
)
from marrowscope.training.composites.debris import ghost, parasite, precipitate, smudge
from marrowscope.training.composites.sheet import Sheet
from marrowscope.training.recipe import ImageSet

Pixels = NDArray[np.uint8]
Boxes = NDArray[np.float32]
Flags = NDArray[np.bool_]

_TRIES = 8
_DEBRIS = 0.2  # chance of each kind in a field
_GIANT = 0.15  # share of giant platelets
_UNSURE = 0.06  # share of what is laid as cells that is a smudge or an artefact


@dataclass(frozen=True, slots=True)
class Crowding:
    """How a field is filled: share of its area under cells, and how many cells touch another."""

    weight: float
    cover: tuple[float, float]
    touching: float


# Shares chosen by eye against fields of acute leukemia and of healthy blood.
CROWDINGS = (
    Crowding(0.08, (0.0, 0.0), 0.0),
    Crowding(0.20, (0.01, 0.08), 0.15),
    Crowding(0.20, (0.06, 0.20), 0.35),
    Crowding(0.24, (0.10, 0.35), 0.85),
    Crowding(0.28, (0.35, 0.80), 0.80),
)


@dataclass(frozen=True, slots=True)
class Staining:
    """One field's stain: exponent of transmittance per channel, common to all its cells."""

    exponents: NDArray[np.float64]
    size: float

    def shift(self, rng: np.random.Generator, picture: Image.Image) -> Pixels:
        """Apply it to an RGBA cut-out, with a little of the cell's own variation: (h, w, 4)."""
        own = self.exponents * np.exp(rng.normal(0, 0.05))
        levels = np.arange(256)[:, None] / CLEAR
        table = np.clip(levels**own * CLEAR, 0, 255).astype(np.uint8)
        return _looked_up(np.array(picture), table)


class DenseComposer:
    """Composes fields of known cells; the same generator state gives the same field.

    Parameters
    ----------
    cells
        Cut-outs; platelets are laid without a box, unsure ones with one that is ignored.
    backgrounds
        Fields without a leukocyte.
    max_overlap
        Largest share of the smaller of two cells that the other may cover.
    plain_share
        Share of fields on a plain slide with red cells on it instead of a real background.
    crowdings
        Kinds of fields and their weights.
    """

    def __init__(
        self,
        cells: Sequence[CutOut],
        backgrounds: Sequence[Background],
        *,
        max_overlap: float = 0.28,
        plain_share: float = 0.35,
        crowdings: Sequence[Crowding] = CROWDINGS,
    ) -> None:
        self._cells = _by_source_and_type([cell for cell in cells if cell.is_cell])
        self._unsure = [cell for cell in cells if cell.is_unsure]
        self._platelets = [cell for cell in cells if not cell.is_cell and not cell.is_unsure]
        self._backgrounds = list(backgrounds)
        if not self._cells or not self._backgrounds:
            raise DatasetError("dense fields need at least one cell and one background")
        self._red_cells = [red for background in self._backgrounds for red in red_cells_of(background)]
        self._max_overlap = max_overlap
        self._plain_share = plain_share if self._red_cells else 0.0
        self._crowdings = list(crowdings)
        weights = np.array([crowding.weight for crowding in self._crowdings])
        self._weights = weights / weights.sum()

    @classmethod
    def from_folders(
        cls,
        cells: Sequence[ImageSet],
        detector: Detector,
        background_paths: Sequence[Path],
        background_mpp: float,
        *,
        part: str = "train",
        limit: int | None = 3000,
        cache: Path | None = None,
    ) -> "DenseComposer":
        """Cut cells out of folders of typed crops and read the backgrounds.

        Parameters
        ----------
        cells
            Folders as `read_folder_per_type` reads them.
        detector
            An earlier one: cells are cut out where their outline agrees with its box.
        background_paths, background_mpp
            Image files of fields without a leukocyte, and µm per pixel of these.
        part
            Of the sets, whose cells are taken.
        limit
            At most so many crops, evenly over sources and types; None takes all.
        cache
            An .npz file that keeps the cut-outs for the next time.

        Raises
        ------
        DatasetError
            Nothing usable, or an unreadable picture.
        """
        cut = cut_outs_of(cells_of_part(cells, part, limit), detector, cache)
        return cls(cut, [load_background(path, background_mpp) for path in background_paths])

    def compose(self, rng: np.random.Generator, size_px: int, mpp: float) -> tuple[Pixels, Boxes, Flags]:
        """Compose one field.

        Returns
        -------
        (size, size, 3) uint8 RGB; (n, 4) float32 boxes xyxy in pixels, clipped to the field, of the cells at
        least a quarter of which lies inside; and which (n,) of them a detector may find or not.
        """
        crowding = self._crowdings[int(rng.choice(len(self._crowdings), p=self._weights))]
        staining = Staining(np.exp(rng.normal(0, 0.22) + rng.normal(0, 0.10, 3)), np.exp(rng.normal(0, 0.08)))
        plain = rng.random() < self._plain_share
        if plain:
            light = plain_light(rng, size_px)
            pixels = plain_slide(rng, light)
        else:
            chosen = self._backgrounds[int(rng.integers(len(self._backgrounds)))]
            pixels, light = chosen.view(rng, size_px, mpp)
        sheet = Sheet(pixels, light)
        self._lay_small_things(rng, sheet, staining, mpp)
        self._lay_cells(rng, sheet, staining, mpp, crowding)
        boxes, ignore = sheet.boxes()
        if plain:
            self._place_red_cells(rng, sheet, mpp)
        return _relight(rng, sheet.pixels), boxes, ignore

    def _lay_cells(
        self, rng: np.random.Generator, sheet: Sheet, staining: Staining, mpp: float, crowding: Crowding
    ) -> None:
        """Lay cells until the wanted share of the field is covered or no room is found."""
        wanted = rng.uniform(*crowding.cover) * sheet.size**2
        if wanted <= 0:
            return
        overlap = self._max_overlap * float(rng.choice([0.1, 0.5, 1.0]))
        source = self._cells[list(self._cells)[int(rng.integers(len(self._cells)))]]
        types = list(source)
        main_type = types[int(rng.integers(len(types)))] if rng.random() < 0.5 else None
        failures = 0
        while sheet.covered < wanted and failures < 6:
            kind = (
                main_type
                if main_type is not None and rng.random() < 0.8
                else types[int(rng.integers(len(types)))]
            )
            cell = source[kind][int(rng.integers(len(source[kind])))]
            if self._unsure and rng.random() < _UNSURE:
                cell = self._unsure[int(rng.integers(len(self._unsure)))]
            turned = _turned(rng, cell, mpp, staining.size * rng.uniform(0.9, 1.12))
            patch = staining.shift(rng, turned)
            failures = (
                0
                if _lay(rng, sheet, patch, overlap, crowding.touching, ignore=cell.is_unsure)
                else failures + 1
            )

    def _lay_small_things(
        self, rng: np.random.Generator, sheet: Sheet, staining: Staining, mpp: float
    ) -> None:
        """Lay what is no cell: platelets, and now and then smudges, ghosts, dye and parasites."""
        area = (sheet.size * mpp / 83.0) ** 2
        count = min(20, int(rng.poisson(rng.choice([0.5, 3.0, 7.0]) * area))) if self._platelets else 0
        for _ in range(count):
            platelet = self._platelets[int(rng.integers(len(self._platelets)))]
            size = rng.uniform(1.15, 1.7) if rng.random() < _GIANT else rng.uniform(0.7, 1.15)
            turned = _turned(rng, platelet, mpp, size)
            patch = staining.shift(rng, turned)
            sheet.lay(patch, *rng.uniform(0, sheet.size, 2))
        for debris in (smudge, ghost):
            if rng.random() < _DEBRIS:
                source = self._cells[list(self._cells)[int(rng.integers(len(self._cells)))]]
                cells = source[list(source)[int(rng.integers(len(source)))]]
                whole = _turned(rng, cells[int(rng.integers(len(cells)))], mpp, rng.uniform(0.9, 1.6))
                sheet.lay(debris(rng, staining.shift(rng, whole)), *rng.uniform(0, sheet.size, 2))
        for speck in (precipitate, parasite):
            if rng.random() < _DEBRIS:
                # Few, or strewn all over a field.
                for _ in range(int(rng.choice([rng.integers(1, 4), rng.integers(4, 25)]))):
                    sheet.lay(speck(rng, mpp), *rng.uniform(0, sheet.size, 2))

    def _place_red_cells(self, rng: np.random.Generator, sheet: Sheet, mpp: float) -> None:
        """Place red cells between, and a little beneath, the cells of a plain slide."""
        per_field = float(rng.choice([0.0, 15.0, 50.0, 110.0])) * (sheet.size * mpp / 83.0) ** 2
        # One slide's red cells come from one field's.
        start = int(rng.integers(len(self._red_cells)))
        scale = float(np.exp(rng.normal(0, 0.08)))
        for _ in range(min(140, int(rng.poisson(per_field)))):
            cell = self._red_cells[(start + int(rng.integers(20))) % len(self._red_cells)]
            picture, level = cell.at_least(mpp)
            factor = scale * level / mpp
            if abs(factor - 1) > 0.05:
                width, height = (max(4, round(side * factor)) for side in picture.size)
                picture = picture.resize((width, height), Image.Resampling.BILINEAR)
            patch = np.rot90(np.asarray(picture), int(rng.integers(4)))
            row, column = rng.uniform(0, sheet.size, 2)
            sheet.lay_beneath(patch, row, column, max_hidden=0.3)


def _by_source_and_type(cells: Sequence[CutOut]) -> Mapping[str, Mapping[str, list[CutOut]]]:
    found: dict[str, dict[str, list[CutOut]]] = {}
    for cell in cells:
        found.setdefault(cell.source, {}).setdefault(cell.cell_type, []).append(cell)
    return found


def _lay(
    rng: np.random.Generator, sheet: Sheet, patch: Pixels, overlap: float, touching: float, *, ignore: bool
) -> bool:
    """Find a place for a cell, beside another or anywhere; return whether there was one."""
    radius = float(np.sqrt((patch[..., 3] > 127).sum() / np.pi))
    for _ in range(_TRIES):
        neighbour = sheet.any_cell(rng) if rng.random() < touching else None
        if neighbour is None:
            row, column = rng.uniform(-0.3 * radius, sheet.size + 0.3 * radius, 2)
        else:
            angle = rng.uniform(0, 2 * np.pi)
            apart = (neighbour.radius + radius) * rng.uniform(0.88, 1.10)
            row, column = neighbour.row + apart * np.sin(angle), neighbour.column + apart * np.cos(angle)
        if sheet.lay_cell(patch, row, column, overlap, ignore=ignore):
            return True
    return False


def _turned(rng: np.random.Generator, cell: CutOut, mpp: float, size: float) -> Image.Image:
    """Bring a cut-out to `mpp`, `size` times as large, randomly turned and mirrored."""
    picture, level = cell.at_least(mpp / size)
    factor = level / mpp * size
    angle = rng.uniform(0, 2 * np.pi)
    mirror = 1.0 if rng.integers(2) else -1.0
    cos, sin = float(np.cos(angle)), float(np.sin(angle))
    width, height = picture.size
    out_width = int(np.ceil((abs(cos) * width + abs(sin) * height) * factor))
    out_height = int(np.ceil((abs(sin) * width + abs(cos) * height) * factor))
    # Rows of the inverse map: output pixel -> input pixel, centres on centres.
    a, b = mirror * cos / factor, mirror * sin / factor
    d, e = -sin / factor, cos / factor
    c = width / 2 - a * out_width / 2 - b * out_height / 2
    f = height / 2 - d * out_width / 2 - e * out_height / 2
    return picture.transform(
        (max(1, out_width), max(1, out_height)),
        Image.Transform.AFFINE,
        (a, b, c, d, e, f),
        Image.Resampling.BILINEAR,
    )


def _relight(rng: np.random.Generator, pixels: Pixels) -> Pixels:
    """Change the lamp's colour in half of the fields."""
    if rng.random() < 0.5:
        return pixels
    gains = np.exp(rng.normal(0, 0.06) + rng.normal(0, 0.05, 3))
    table = np.clip(np.arange(256)[:, None] * gains, 0, 255).astype(np.uint8)
    return _looked_up(pixels, table)


def _looked_up(pixels: Pixels, table: Pixels) -> Pixels:
    """Replace the first three channels in place by a (256, 3) table's values."""
    # Pillow's own point() rounds its table entry by entry in Python: four times as slow.
    for channel in range(3):
        pixels[..., channel] = table[:, channel].take(pixels[..., channel])
    return pixels
