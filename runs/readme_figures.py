"""Write what README.md and docs/explanation show of the built-in bundle: figures and a field read."""

import json
import tempfile
from pathlib import Path

from PIL import Image

import marrowscope
from marrowscope.evaluation.card.summary import with_figures, with_headline, with_virtual_counts
from marrowscope.synth import draw_patient

ROOT = Path(__file__).parents[1]


EXPLANATION = ROOT / "docs" / "explanation"
PAGES = {
    ROOT / "README.md": with_headline,
    EXPLANATION / "figures.md": with_figures,
    EXPLANATION / "statistics.md": with_virtual_counts,
}
"""Page → what renews the table between its marks."""


def write_figures() -> None:
    """Renew the tables between the marks of all pages."""
    metrics = json.loads((marrowscope.load_bundle().folder / "metrics.json").read_text("utf-8"))
    for page, renewed in PAGES.items():
        page.write_text(renewed(page.read_text("utf-8"), metrics), "utf-8")


def write_picture(picture: Path) -> None:
    """Annotate one field of a drawn leukemia."""
    (field,) = draw_patient(5, blast_share=0.4, cells=34, fields=1).fields
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        Image.fromarray(field.pixels).save(folder / "field.png")
        marrowscope.analyse(folder / "field.png", folder / "out")
        (annotated,) = (folder / "out" / "annotated").rglob("*.jpg")
        picture.parent.mkdir(parents=True, exist_ok=True)
        with Image.open(annotated) as image:
            image.thumbnail((1000, 1000))
            image.save(picture, quality=85)


if __name__ == "__main__":
    write_figures()
    write_picture(ROOT / "docs" / "images" / "annotated.jpg")
