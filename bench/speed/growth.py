"""What a field costs by its megapixels and cells: drawn fields of many and few of both, one thread."""

import statistics
import time
from typing import Any

import numpy as np
from bench.figures import Options

import marrowscope
from marrowscope.imaging.field_source import DecodedSource
from marrowscope.imaging.files.decode import FieldImage
from marrowscope.pipeline import FieldReader, FieldTask, ReadingSettings
from marrowscope.synth import draw_field

FIELDS = {(640, 480): (0, 6, 12), (1280, 1024): (0, 10, 40), (2592, 1944): (0, 10, 40)}
"""Width and height in pixels → numbers of cells drawn."""
_MPP = 0.1  # stated: a scale is measured once a patient, and does not belong to a field


def measure(options: Options) -> dict[str, Any]:
    """Return the processor seconds of each field, and what of them is a field's, a megapixel's, a cell's."""
    reader = FieldReader(marrowscope.load_bundle(), ReadingSettings(mpp=_MPP), threads=1)
    rows = []
    for (width, height), numbers in FIELDS.items():
        for cells in numbers:
            pixels = draw_field(1, width=width, height=height, cells=cells).pixels
            image = FieldImage(pixels, None)
            task = FieldTask("", DecodedSource("field", image), "", reader.measure_scales([image]))
            found = len(reader.read(task, image).reading.cells)  # and warm
            turns = []
            for _ in range(options.turns):
                started = time.process_time()
                reader.read(task, image)
                turns.append(time.process_time() - started)
            rows.append((width * height / 1e6, found, statistics.median(turns)))
    known = np.asarray(rows)
    terms = np.stack([np.ones(len(known)), known[:, 0], known[:, 1]], axis=1)
    field, megapixel, cell = np.linalg.lstsq(terms, known[:, 2], rcond=None)[0].tolist()
    return {
        "fields": [{"megapixels": mp, "cells": n, "seconds": seconds} for mp, n, seconds in rows],
        "seconds a field": field,
        "seconds a megapixel": megapixel,
        "seconds a cell": cell,
    }


def bars(figures: dict[str, Any]) -> list[tuple[str, str, str]]:
    """Return nothing: no bar is set for these."""
    del figures
    return []


def text(figures: dict[str, Any]) -> str:
    """Return a table of all fields, and the line through them."""
    lines = ["| megapixels | cells found | a field, one thread, scale known |", "|---|---|---|"]
    lines += [
        f"| {one['megapixels']:.1f} | {one['cells']} | {1000 * one['seconds']:.0f} ms |"
        for one in figures["fields"]
    ]
    fit = " + ".join(
        f"{1000 * figures[f'seconds a {unit}']:.1f} ms a {unit}" for unit in ("field", "megapixel", "cell")
    )
    return "\n".join([*lines, "", f"By least squares: {fit}."])
