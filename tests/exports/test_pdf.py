"""The printed report: a real PDF, made from the page alone."""

import builtins
import re
from base64 import b64encode
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from marrowscope.errors import MissingExtraError
from marrowscope.exports.pdf import pdf_of, write_pdf

from .fake_report import DrawnPictures, patient, report

pytest.importorskip("weasyprint", reason="the extra 'pdf' is not installed")


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
