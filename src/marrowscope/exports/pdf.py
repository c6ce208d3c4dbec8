"""``report.pdf``: the page of `html` printed by WeasyPrint (extra `pdf`)."""

from pathlib import Path

from marrowscope.domain.patient import CohortReport
from marrowscope.errors import MissingExtraError
from marrowscope.exports.atomic import write_atomic
from marrowscope.exports.html import render
from marrowscope.exports.pictures import NoPictures, Pictures


def write_pdf(report: CohortReport, path: Path, pictures: Pictures | None = None) -> None:
    """Write the report for print on A4, with its pictures.

    Raises
    ------
    MissingExtraError
        WeasyPrint, or a system library that it needs, is not installed.
    OSError
        The file cannot be written.
    """
    write_atomic(path, pdf_of(render(report, pictures or NoPictures())))


def pdf_of(page: str) -> bytes:
    """Print a self-contained page. Anything else it refers to is not loaded.

    Raises
    ------
    MissingExtraError
        WeasyPrint, or a system library that it needs, is not installed.
    """
    try:
        from weasyprint import HTML  # noqa: PLC0415  # an extra
        from weasyprint.urls import URLFetcher  # noqa: PLC0415  # an extra
    except (ImportError, OSError) as error:
        raise MissingExtraError("the report as PDF", "pdf") from error

    # Only `data:`, for the pictures in the page itself.
    inside = URLFetcher(allowed_protocols=["data"], allow_redirects=False)
    printed: bytes = HTML(string=page, url_fetcher=inside).write_pdf()
    return printed
