"""Annotated pictures: what must be seen is there."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image, ImageColor

from marrowscope.domain.taxonomy import taxonomy
from marrowscope.imaging.draw import Tile, TileGroup, annotate, draw_sheet, thumbnail

RED, BLUE = (214, 39, 40), (31, 119, 180)


def field(height: int = 900, width: int = 1000) -> npt.NDArray[np.uint8]:
    return np.full((height, width, 3), 220, np.uint8)


def amount(image: Image.Image, colour: tuple[int, int, int]) -> int:
    return int((np.asarray(image) == colour).all(axis=2).sum())


def test_boxes_have_their_colours_and_the_field_its_size() -> None:
    boxes = np.array([[100, 100, 200, 220], [500, 500, 600, 600]], np.float32)
    image = annotate(field(), boxes, [RED, BLUE], ["", ""])
    assert image.size == (1000, 900)
    drawn = np.asarray(image)
    assert tuple(drawn[160, 100]) == RED
    assert tuple(drawn[599, 550]) == BLUE
    assert tuple(drawn[160, 150]) == (220, 220, 220)


def test_labels_stay_inside_and_apart() -> None:
    boxes = np.array([[0, 0, 60, 60], [5, 2, 70, 64], [940, 0, 999, 50]], np.float32)
    bare = annotate(field(), boxes, [RED, BLUE, RED], ["", "", ""])
    image = annotate(field(), boxes, [RED, BLUE, RED], ["blast .97", "lymphocyte .91", "blast .50"])
    assert amount(image, RED) > amount(bare, RED) + 1000
    assert amount(image, BLUE) > amount(bare, BLUE) + 500


def test_boxes_of_every_size_are_drawn() -> None:
    sides = np.arange(0, 70, 0.5)
    corners = np.full((len(sides), 2), 40.25)
    for height in sides[::7]:
        ends = corners + np.stack([sides, np.full(len(sides), height)], axis=1)
        boxes = np.concatenate([corners, ends], axis=1)
        for width in (1000, 1300, 2900):  # lines and corners grow with the picture
            image = annotate(field(200, width), boxes, [RED] * len(boxes), [""] * len(boxes))
            assert amount(image, RED)


def test_cut_cells_are_drawn_lightly() -> None:
    box = np.array([[300, 300, 420, 420]], np.float32)
    whole = annotate(field(), box, [RED], [""])
    cut = annotate(field(), box, [RED], [""], dashed=[True])
    assert 0 < amount(cut, RED) < amount(whole, RED) / 2


def test_legend_and_caption_stand_below_the_field() -> None:
    legend = {f"a rather long cell type {k}": RED for k in range(12)}
    image = annotate(field(), np.zeros((0, 4), np.float32), [], [], legend=legend, caption="field 1.jpg")
    assert image.width == 1000
    assert image.height > 960
    strip = image.crop((0, 900, 1000, image.height))
    assert amount(image, RED) == amount(strip, RED) > 1000


def test_small_fields_grow_and_large_ones_shrink() -> None:
    box = np.array([[10, 10, 60, 60]], np.float32)
    assert annotate(field(112, 224), box, [RED], ["x"]).size == (900, 450)
    assert annotate(field(1000, 4800), box, [RED], ["x"]).size == (2400, 500)


def test_no_cells_and_any_text() -> None:
    assert annotate(field(), np.zeros((0, 4), np.float32), [], []).size == (1000, 900)
    boxes = np.array([[5, 5, 5, 5], [-20, -20, 2000, 2000]], np.float32)
    annotate(
        field(), boxes, [RED, BLUE], ["поле 視野", "x" * 300], dashed=[True, True], caption="Пациент 患者"
    )


def test_lengths_must_agree() -> None:
    with pytest.raises(ValueError, match="2 labels"):
        annotate(field(), np.zeros((1, 4), np.float32), [RED], ["a", "b"])


def test_thumbnail_keeps_the_shape() -> None:
    assert thumbnail(field(), 250).size == (250, 225)
    assert thumbnail(field(40, 50), 250).size == (50, 40)


def test_a_sheet_holds_every_cell_under_its_title_and_frames_the_marked_ones() -> None:
    green = Image.new("RGB", (48, 48), "#00ff00")
    groups = [
        TileGroup("Blast (13)", "#1f77b4", [Tile(green)] * 13),
        TileGroup("Other (1)", "#1f77b4", [Tile(green)]),
    ]
    plain = draw_sheet(groups)
    assert amount(plain, (0, 255, 0)) == 14 * 96 * 96
    assert amount(plain, BLUE) > 300  # two swatches
    assert amount(plain, RED) == 0
    marked = draw_sheet([*groups, TileGroup("Wrong (1)", "#1f77b4", [Tile(green, "LYM")])])
    assert amount(marked, RED) > 4 * 96
    assert marked.height > plain.height


def test_the_legend_says_what_dashed_means_only_where_a_box_is() -> None:
    boxes = np.array([[100, 100, 200, 220], [500, 500, 600, 600]], np.float32)
    plain, with_dashed = (
        annotate(field(), boxes, [RED, RED], ["", ""], dashed=[False, dashed], legend={"b": BLUE})
        for dashed in (False, True)
    )
    strips = [image.crop((0, 900, 1000, image.height)) for image in (plain, with_dashed)]
    ink = (33, 37, 41)
    assert amount(strips[1], BLUE) == amount(strips[0], BLUE) > 100
    assert amount(strips[1], ink) > amount(strips[0], ink) + 100
    assert annotate(field(), boxes, [RED, RED], ["", ""], dashed=[True, True]).size == (1000, 900)


def test_every_type_is_seen_on_pale_ground() -> None:
    for cell_type in taxonomy():
        channels = np.asarray(ImageColor.getrgb(cell_type.colour)) / 255
        assert channels.min() < 0.75, cell_type.id


def test_a_sheet_explains_its_marks_where_it_has_any() -> None:
    green = Image.new("RGB", (48, 48), "#00ff00")
    plain, marked = (draw_sheet([TileGroup("Blast", "#1f77b4", [Tile(green, mark)])]) for mark in ("", "LYM"))
    assert marked.height > plain.height
    words = marked.crop((0, plain.height, marked.width, marked.height))
    assert amount(words, RED) > 100
