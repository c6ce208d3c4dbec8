"""``report.html``: a self-contained page to read, print and sign."""

from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from marrowscope.domain.decision import verdict_words
from marrowscope.domain.patient import CohortReport
from marrowscope.domain.percent import percent_text
from marrowscope.domain.quantity import quantity
from marrowscope.exports.atomic import write_atomic
from marrowscope.exports.figures import LINEAGES, VERDICTS, confusion
from marrowscope.exports.page import patient_views
from marrowscope.exports.pictures import NoPictures, Pictures
from marrowscope.exports.provenance import NOTICE
from marrowscope.imaging.names import shown


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


def _environment() -> Environment:
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
    return environment


def _printable(value: object) -> object:
    """Make any text printable, as file names need not be valid Unicode."""
    return shown(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def _moment(iso: str) -> str:
    """Print ``2026-01-05T09:12:44+00:00`` as ``2026-01-05 09:12 UTC``."""
    return f"{iso[:10]} {iso[11:16]} UTC"
