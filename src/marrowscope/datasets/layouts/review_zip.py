"""Cells that people named in the service, as it gives them for training: a ZIP with a folder per type."""

from collections.abc import Sequence
from pathlib import Path

from marrowscope.datasets.layouts.cells import LabelledCell, read_folder_per_type
from marrowscope.domain.taxonomy import taxonomy
from marrowscope.errors import DatasetError, ImageError
from marrowscope.imaging.files.archives import list_members, member_parts, read_member
from marrowscope.imaging.files.formats import IMAGE_SUFFIXES
from marrowscope.imaging.names import shown

REVIEWS = "reviews"  # source and set id; one for all: a patient reviewed twice stays one group
_CELL_BYTES = 16 * 2**20  # largest image of one cell


def read_review_zips(archives: Sequence[Path], folder: Path) -> list[LabelledCell]:
    """Unpack reviewed cells into a folder and read them; a cell given twice is read once.

    Parameters
    ----------
    archives : ``training.zip`` of the service, each with members ``<type>/<patient>@<field>_<number>.png``
    folder : receives the images, which must stay there as long as the cells are used

    Raises
    ------
    DatasetError
        An archive cannot be read, or holds something else.
    """
    root = folder / REVIEWS
    for archive in archives:
        _unpack(archive, root)
    if not root.is_dir():
        raise DatasetError(f"{', '.join(shown(a.name) for a in archives)}: no reviewed cell in there")
    return read_folder_per_type(root, REVIEWS)


def _unpack(archive: Path, root: Path) -> None:
    listing = list_members(archive)
    if listing.problems:
        raise DatasetError(listing.problems[0])
    for member in listing.members:
        parts = member_parts(member)
        fits = len(parts) == 2 and parts[0] in taxonomy() and Path(parts[1]).suffix.lower() in IMAGE_SUFFIXES
        if not fits:
            raise DatasetError(
                f"{shown(archive.name)}: {shown(member)!r} is no image in a folder of its type"
            )
        try:
            content = read_member(archive, member, _CELL_BYTES)
        except ImageError as error:
            raise DatasetError(f"{shown(member)}: {error}") from error
        target = root.joinpath(*parts)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
