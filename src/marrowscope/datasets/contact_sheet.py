"""A sheet of small pictures with their boxes: errors in labels are seen sooner than counted."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, UnidentifiedImageError

from marrowscope.datasets.layouts.fields import LabelledField

_COLOURS = ("#ffd400", "#00c8ff", "#ff4fa0", "#5fe05f", "#ff8c1a", "#c08cff", "#ffffff", "#9fd6b8")
_MOST = 48
_SIDE_PX, _TEXT_PX = 200, 14


def draw_contact_sheet(fields: Sequence[LabelledField], path: Path, columns: int = 6) -> Path:
    """Draw at most 48 fields, evenly chosen, with boxes coloured by label; unreadable images stay grey."""
    chosen = [fields[i] for i in np.unique(np.linspace(0, len(fields) - 1, _MOST).astype(int)) if fields]
    labels = sorted({label for field in fields for label in field.labels})
    colour = {label: _COLOURS[i % len(_COLOURS)] for i, label in enumerate(labels)}
    rows = max(1, -(-len(chosen) // columns))
    cell = _SIDE_PX + _TEXT_PX
    sheet = Image.new("RGB", (columns * _SIDE_PX, rows * cell + _TEXT_PX), (60, 60, 60))
    pen = ImageDraw.Draw(sheet)
    for index, field in enumerate(chosen):
        left, top = index % columns * _SIDE_PX, index // columns * cell
        sheet.paste(_thumbnail(field, colour), (left, top + _TEXT_PX))
        pen.text((left + 2, top + 1), field.path.stem[:30], fill="#ffffff")
    legend_x = 2.0
    for label in labels:
        pen.text((legend_x, rows * cell + 1), label, fill=colour[label])
        legend_x += pen.textlength(label) + 12
    path.parent.mkdir(parents=True, exist_ok=True)
    sheet.save(path)
    return path


def _thumbnail(field: LabelledField, colour: dict[str, str]) -> Image.Image:
    canvas = Image.new("RGB", (_SIDE_PX, _SIDE_PX), (90, 90, 90))
    try:
        with Image.open(field.path) as image:
            scale = _SIDE_PX / max(image.size)
            size = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
            canvas.paste(image.convert("RGB").resize(size), (0, 0))
    except (OSError, UnidentifiedImageError, Image.DecompressionBombError):
        return canvas
    pen = ImageDraw.Draw(canvas)
    for box, label in zip(field.boxes, field.labels, strict=True):
        x0, y0, x1, y1 = (float(v) * scale for v in box)
        pen.rectangle((min(x0, x1), min(y0, y1), max(x0, x1), max(y0, y1)), outline=colour[label], width=2)
    return canvas
