"""Finds the image that a labelling tool names: by its path, by the end of its path, or by its name alone."""

from collections.abc import Iterable
from pathlib import Path, PurePosixPath

from marrowscope.datasets.labelled import image_size, list_images
from marrowscope.datasets.names import normalise_label
from marrowscope.domain.taxonomy import taxonomy
from marrowscope.errors import DatasetError
from marrowscope.imaging.names import composed, shown


class NamedImages:
    """The images below a folder, by their names.

    Parameters
    ----------
    folder : of the images

    Raises
    ------
    DatasetError
        There is no such folder, or no image in it.
    """

    def __init__(self, folder: Path) -> None:
        if not folder.is_dir():
            raise DatasetError(f"{shown(str(folder))}: no such folder of images")
        self._folder = folder
        self._paths = {composed(path.relative_to(folder).as_posix()): path for path in list_images(folder)}
        if not self._paths:
            raise DatasetError(f"{shown(str(folder))}: holds no image")

    def find(self, *names: str) -> Path:
        """Return the image with one of these names, the first that is known; a name may lack its end.

        Raises
        ------
        DatasetError
            There is none, or more than one.
        """
        for name in map(composed, names):
            wanted = PurePosixPath(name.replace("\\", "/")).as_posix().lstrip("/")
            parts = wanted.split("/")
            for length in range(len(parts), 0, -1):
                found = self._ending("/".join(parts[-length:]))
                if len(found) == 1:
                    return found[0]
                if found:
                    raise DatasetError(
                        f"{shown(name)} may be {len(found)} images in {shown(str(self._folder))}: "
                        "name its folder, too"
                    )
        raise DatasetError(f"there is no image {shown(names[0])} in {shown(str(self._folder))}")

    def group(self, path: Path) -> str:
        """Return what a split must not tear apart: the patient's folder, or the image where there is none."""
        inside = path.relative_to(self._folder)
        return inside.parts[0] if len(inside.parts) > 1 else inside.stem

    def _ending(self, end: str) -> list[Path]:
        if end in self._paths:
            return [self._paths[end]]
        whole = [path for name, path in self._paths.items() if f"/{name}".endswith(f"/{end}")]
        return whole or [
            path
            for name, path in self._paths.items()
            if f"/{PurePosixPath(name).with_suffix('').as_posix()}".endswith(f"/{end}")
        ]


def check_size(image: Path, stated: tuple[int, int]) -> None:
    """Refuse an image that was labelled at another size: its boxes would lie elsewhere.

    Raises
    ------
    DatasetError
        Width and height are not the stated ones.
    """
    size = image_size(image)
    if stated != size:
        raise DatasetError(
            f"{shown(image.name)} was labelled with {stated[0]} x {stated[1]} pixels, "
            f"and has {size[0]} x {size[1]}"
        )


def label_named(texts: Iterable[str]) -> str:
    """Return the label of a class that a tool names by one text or several, from general to special."""
    every = list(texts)
    for text in reversed(every):
        known = taxonomy().named(text)
        if known is not None:
            return known.id
        if normalise_label(text) in taxonomy():
            return normalise_label(text)
    return normalise_label(every[-1])
