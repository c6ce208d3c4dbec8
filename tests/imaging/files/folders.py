"""Folders and archives of images for tests, and what is found in them."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

from PIL import Image

from marrowscope.imaging.files.sources import PatientSource


def image_bytes(shade: int = 200) -> bytes:
    stream = io.BytesIO()
    Image.new("RGB", (40, 40), (shade, 100, 100)).save(stream, "PNG")
    return stream.getvalue()


def put(root: Path, *names: str) -> Path:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(image_bytes())
    return root


def zipped(path: Path, *names: str, data: bytes | None = None) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in names:
            archive.writestr(name, image_bytes() if data is None else data)
    return path


def layout(found: tuple[PatientSource, ...]) -> dict[str, list[str]]:
    return {patient.patient: [field.name for field in patient.fields] for patient in found}
