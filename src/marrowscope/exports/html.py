"""``report.html``: a self-contained page to read, print and sign."""

from functools import cache
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from marrowscope.domain.decision import verdict_words
from marrowscope.domain.patient import CohortReport
from marrowscope.domain.percent import percent_text
from marrowscope.domain.quantity import quantity
from marrowscope.exports.atomic import write_atomic
from marrowscope.exports.figures import LINEAGES, VERDICTS, confusion
from marrowscope.exports.page import patient_views
from marrowscope.exports.pictures import NoPictures, Pictures
from marrowscope.exports.provenance import NOTICE
from marrowscope.imaging.names import shown, shown_lines

INKS = {
    "positive": "#8a2a0c",
    "negative": "#0b4a7a",
    "indeterminate": "#6b4a00",
    "insufficient": "#4a4f57",
}
"""Colour of each verdict. Pictures in a PDF take no style sheet: they have it as an attribute."""


def write_html(report: CohortReport, path: Path, pictures: Pictures | None = None) -> None:
    """Write the page. It has no scripts, includes its pictures, and loads nothing.

    Percentages have one decimal. Equal reports and pictures give equal bytes.

    Raises
    ------
    OSError
        The file cannot be written.
    """
    write_atomic(path, render(report, pictures or NoPictures()).encode())


def render(report: CohortReport, pictures: Pictures) -> str:
    """Return the page as text, with all external text escaped."""
    return (
        _environment()
        .get_template("report.html.j2")
        .render(
            report=report,
            patients=patient_views(report, pictures),
            confusion=confusion(report),
            verdicts=VERDICTS,
            verdict_words=verdict_words,
            lineages=tuple(LINEAGES.values()),
            notice=NOTICE,
            has_truth=any(patient.truth for patient in report.patients),
        )
    )


@cache
def _environment() -> Environment:
    """Return what pages are made in; compiling the templates takes longer than a page."""
    environment = Environment(
        loader=PackageLoader("marrowscope.exports"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_printable,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["percent"] = percent_text
    environment.filters["quantity"] = quantity
    environment.filters["moment"] = _moment
    environment.filters["css_text"] = _css_text
    environment.filters["lines"] = _lines
    environment.globals["inks"] = INKS
    return environment


def _printable(value: object) -> object:
    """Make any text printable, as file names need not be valid Unicode."""
    return shown(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def _lines(text: str) -> Markup:
    """Print a text of several lines as it was written."""
    return escape(shown_lines(text))


def _css_text(text: str) -> Markup:
    """Write a text as a string of a style sheet, which nothing in it can end."""
    return Markup('"' + "".join(c if c.isalnum() else f"\\{ord(c):x} " for c in shown(text)) + '"')  # noqa: S704  # nothing but letters, digits and escapes


def _moment(iso: str) -> str:
    """Print ``2026-01-05T09:12:44+00:00`` as ``2026-01-05 09:12 UTC``."""
    return f"{iso[:10]} {iso[11:16]} UTC"
