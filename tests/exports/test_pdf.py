"""The printed report: a real PDF, made from the page alone."""

import builtins
import re
from base64 import b64encode
from pathlib import Path
from typing import Any

import numpy as np
import pypdfium2
import pytest
from numpy.typing import NDArray
from PIL import Image

from marrowscope.domain.case.details import CaseDetails
from marrowscope.domain.case.specimen import Specimen
from marrowscope.errors import MissingExtraError
from marrowscope.exports.html import render
from marrowscope.exports.pdf import pdf_of, write_pdf
from marrowscope.exports.pictures import NoPictures

from .fake_report import DrawnPictures, nine_patients, patient, report

pytest.importorskip("weasyprint", reason="the extra 'pdf' is not installed")
DOTS_PER_POINT = 3
DECIDING, BEYOND = (0x23, 0x4A, 0x73), (0xF6, 0xF1, 0xEC)


def pages_of(document: bytes) -> list[NDArray[np.uint8]]:
    """Return the pages as pictures: (H, W, 3) RGB."""
    return [
        np.asarray(page.render(scale=DOTS_PER_POINT).to_pil().convert("RGB"))
        for page in pypdfium2.PdfDocument(document)
    ]


def texts_of(document: bytes) -> list[str]:
    return [page.get_textpage().get_text_range() for page in pypdfium2.PdfDocument(document)]


def is_of(page: NDArray[np.uint8], colour: tuple[int, int, int]) -> NDArray[np.bool_]:
    return np.asarray((np.abs(page.astype(int) - colour) <= 3).all(axis=2))


def test_a_report_becomes_pages(tmp_path: Path) -> None:
    cohort = report([patient("P01 Hernández", cells=220, fields=3)])
    write_pdf(cohort, tmp_path / "report.pdf", DrawnPictures(cohort))
    document = (tmp_path / "report.pdf").read_bytes()
    assert document.startswith(b"%PDF-")
    assert len(re.findall(rb"/Type /Page\b", document)) >= 2 or b"/ObjStm" in document


def test_only_pictures_inside_the_page_are_shown(tmp_path: Path) -> None:
    Image.new("RGB", (8, 8), "red").save(tmp_path / "secret.png")
    secret = (tmp_path / "secret.png").read_bytes()
    inside = f"data:image/png;base64,{b64encode(secret).decode()}"
    assert b"/Image" in pdf_of(f'<img src="{inside}">')
    for address in ((tmp_path / "secret.png").as_uri(), "http://127.0.0.1:9/x.png", "//127.0.0.1:9/x.png"):
        page = f'<p>one</p><img src="{address}"><link rel="stylesheet" href="{address}">'
        assert b"/Image" not in pdf_of(page)


def test_without_the_extra_one_line_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def without(name: str, *arguments: Any, **options: Any) -> Any:
        if name.startswith("weasyprint"):
            raise ImportError(name)
        return real(name, *arguments, **options)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(MissingExtraError, match=re.escape("marrowscope[pdf]")):
        pdf_of("<p>one</p>")


def columns_of(page: NDArray[np.uint8], colour: tuple[int, int, int]) -> NDArray[np.intp]:
    """Return the columns of a filled shape; the rims of letters have its colour in a few pixels, too."""
    filled = is_of(page, colour).sum(axis=0)
    return np.flatnonzero(filled >= 5 * DOTS_PER_POINT)


@pytest.fixture(scope="module")
def printed() -> bytes:
    details = CaseDetails(Specimen.MARROW)
    return pdf_of(render(report([patient('P "01" ć', 0.3, 400, 10, details=details)]), NoPictures()))


def test_the_interval_that_decides_is_drawn_where_it_lies(printed: bytes) -> None:
    page = pages_of(printed)[0]
    interval = patient("P", 0.3, 400, 10).adjusted_interval
    assert interval is not None
    beyond = columns_of(page, BEYOND)
    threshold, end = beyond.min(), beyond.max() + 1
    percent = (end - threshold) / 80  # from the threshold of 20 % to 100 %
    columns = columns_of(page, DECIDING)
    low, high = (20 + (at - threshold) / percent for at in (columns.min(), columns.max() + 1))
    assert low == pytest.approx(100 * interval.low, abs=0.5)
    assert high == pytest.approx(100 * interval.high, abs=0.5)


def test_no_picture_is_a_black_block(printed: bytes) -> None:
    for page in pages_of(printed):
        black = is_of(page, (0, 0, 0))
        side = 8 * DOTS_PER_POINT
        height, width = (size // side * side for size in black.shape)
        blocks = black[:height, :width].reshape(height // side, side, width // side, side)
        assert not blocks.all(axis=(1, 3)).any()


def test_chart_and_page_say_their_looks_themselves() -> None:
    page = render(report([patient("P", 0.3, 400, 10)]), NoPictures())
    for picture in re.findall(r"<svg.*?</svg>", page, re.DOTALL):
        assert re.findall(r"<(?:path|rect|circle|text)[^>]*class=", picture) == []
        assert "var(" not in picture


def test_every_page_names_the_patient_and_its_number(printed: bytes) -> None:
    texts = texts_of(printed)
    assert len(texts) >= 3
    for number, text in enumerate(texts, start=1):
        assert 'Patient P "01" ć' in text
        assert f"Page {number} of {len(texts)}" in text
        assert "Bone marrow aspirate report · Preliminary, not signed" in text


def test_each_patient_of_a_cohort_heads_their_own_pages() -> None:
    cohort = report([patient("P01", cells=60, fields=2), patient("P02", cells=60, fields=2)])
    heads = [re.findall(r"Patient (P0\d)", text) for text in texts_of(pdf_of(render(cohort, NoPictures())))]
    assert [head[0] for head in heads if head] == sorted(head[0] for head in heads if head)
    assert {head[0] for head in heads if head} == {"P01", "P02"}
    assert heads[0] == []


def test_the_table_of_all_patients_is_printed_within_the_margins() -> None:
    page = pages_of(pdf_of(render(nine_patients(), NoPictures())))[0]
    inked = np.flatnonzero((page < 240).any(axis=(0, 2)))
    margin = 14 / 25.4 * 72 * DOTS_PER_POINT
    assert inked.min() >= margin - 3
    assert inked.max() <= page.shape[1] - margin + 3
