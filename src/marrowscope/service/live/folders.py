"""Folders of the server that live sessions may take images from: those of the settings, and none besides."""

import os
import stat
from collections.abc import Mapping
from io import BufferedReader
from pathlib import Path
from typing import Final

from marrowscope.errors import InputError
from marrowscope.imaging.files.formats import may_be_image
from marrowscope.imaging.files.sources import is_result
from marrowscope.imaging.names import distinct
from marrowscope.imaging.versions import versions_below
from marrowscope.service.settings import Settings

# Windows has neither links that anybody may make nor, of these, more than the first.
_NO_LINK: Final = getattr(os, "O_BINARY", 0) | getattr(os, "O_NOFOLLOW", 0)
_NOT_WAITING: Final = getattr(os, "O_NONBLOCK", 0)  # as the end of a pipe would be waited for
_FOLDER: Final = getattr(os, "O_DIRECTORY", 0)


def folders_of(settings: Settings) -> Mapping[str, Path]:
    """Return the folders by name: each one of the settings, and those in it, which may be one a patient.

    What cannot be listed now, as a drive that is away, has none in it. Links are not followed.
    """
    found: dict[str, Path] = {}
    for folder in settings.live_folders:
        name = distinct(folder.absolute().name or "folder", found)
        found[name] = folder.absolute()
        found |= {f"{name}/{path.name}": path for path in _inside(folder.absolute())}
    return found


def path_of(settings: Settings, name: str) -> Path:
    """Return the folder of this name.

    Raises
    ------
    InputError
        There is none.
    """
    path = folders_of(settings).get(name)
    if path is None or not path.is_dir():
        raise InputError(f"there is no folder {name} to take images from")
    return path


def files_in(folder: Path) -> dict[str, list[int]]:
    """Return what lies in a folder: path in it → bytes and nanoseconds of its last change.

    Raises
    ------
    InputError
        It cannot be listed.
    """
    try:
        return {
            path.relative_to(folder).as_posix(): list(version)
            for path, version in versions_below(folder, follows_links=False)
            if may_be_image(path.name)
        }
    except OSError as error:
        raise InputError(f"the folder cannot be listed: {error.strerror or error}") from error


def open_file(folder: Path, path: Path) -> BufferedReader:
    """Open a file below a folder for reading; no link is followed on the way from the folder to it.

    What was a file when the folder was listed may have given way to a link or a pipe.

    Raises
    ------
    OSError
        It is not there, or no file.
    """
    opened = os.fdopen(_descriptor(folder, path), "rb")
    if not stat.S_ISREG(os.fstat(opened.fileno()).st_mode):
        opened.close()
        raise FileNotFoundError(path)
    return opened


def _descriptor(folder: Path, path: Path) -> int:
    if os.open not in os.supports_dir_fd:
        return os.open(path, os.O_RDONLY | _NO_LINK)
    *above, name = path.relative_to(folder).parts
    place = os.open(folder, os.O_RDONLY | _FOLDER)
    try:
        for part in above:
            inner = os.open(part, os.O_RDONLY | _FOLDER | _NO_LINK, dir_fd=place)
            os.close(place)
            place = inner
        return os.open(name, os.O_RDONLY | _NO_LINK | _NOT_WAITING, dir_fd=place)
    finally:
        os.close(place)


def _inside(folder: Path) -> list[Path]:
    try:
        with os.scandir(folder) as entries:
            found = [
                Path(entry.path)
                for entry in entries
                if entry.is_dir(follow_symlinks=False) and not entry.name.startswith(".")
            ]
    except OSError:
        return []
    return sorted(path for path in found if not is_result(path))
