"""Which files are a slide, and its opening by the library that knows its format."""

from __future__ import annotations

import hashlib
import re
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Final

from marrowscope.errors import ImageError, MarrowscopeError, MissingExtraError
from marrowscope.imaging.field_source import FieldSource
from marrowscope.imaging.files import formats
from marrowscope.imaging.slides import tiff_reader
from marrowscope.imaging.slides.slide import Slide

_KEPT_OPEN: Final = 2
_PATH: Final = re.compile(r":?\s*'?(?:/|[A-Za-z]:\\)\S+")  # where a file lies is nobody's matter


@dataclass(frozen=True, slots=True)
class SlideFiles:
    """The files of one slide.

    Attributes
    ----------
    paths : the one it is called by first
    stamps : size and time of change of each
    """

    paths: tuple[Path, ...]
    stamps: tuple[tuple[int, int], ...]

    @classmethod
    def at(cls, paths: Sequence[Path]) -> SlideFiles:
        """Return files as they are now.

        Raises
        ------
        ImageError
            One of them is not there.
        """
        try:
            stats = [path.stat() for path in paths]
        except OSError as error:
            raise ImageError(f"the file cannot be read: {error.strerror or error}") from error
        return cls(tuple(paths), tuple((each.st_size, each.st_mtime_ns) for each in stats))

    def digest(self) -> str:
        """Return the SHA-256 of the file, or of the digests of several."""
        digests = []
        for path in self.paths:
            with path.open("rb") as stream:
                digests.append(hashlib.file_digest(stream, "sha256").hexdigest())
        return digests[0] if len(digests) == 1 else hashlib.sha256("\n".join(digests).encode()).hexdigest()


def is_slide(source: FieldSource, largest_field: int) -> bool:
    """Return whether a file is a slide, or one of its files, whatever would be needed to read it."""
    if formats.is_slide_name(source.name):
        return True
    if source.member is not None:
        return False
    kind = formats.recognise(source.head(formats.HEAD_BYTES))
    return kind is formats.DICOM or (kind is formats.TIFF and _is_pyramid(source.path, largest_field))


def slides_of(source: FieldSource, largest_field: int) -> tuple[SlideFiles, ...]:
    """Return the slides that an entry of a patient's files is: one, several of one DICOM folder, or none.

    Parameters
    ----------
    source : the entry
    largest_field : pixels that a field can have; a larger tiled TIFF file is a slide

    Raises
    ------
    ImageError
        It is a slide that cannot be read, for example for want of an extra.
    """
    if not is_slide(source, largest_field):
        return ()
    if source.member is not None:
        raise ImageError("slides are not read out of a ZIP archive: unpack it")
    if formats.recognise(source.head(formats.HEAD_BYTES)) is formats.DICOM:
        return tuple(map(SlideFiles.at, _dicom_series((source.path, *source.companions))))
    if Path(source.name).suffix.lower() == ".mrxs":
        return (SlideFiles.at((source.path, *_mirax_companions(source.path))),)
    return (SlideFiles.at((source.path,)),)


def open_slide(files: SlideFiles) -> Slide:
    """Open a slide.

    Raises
    ------
    ImageError
        It cannot be read, or an extra is missing; the message says which.
    """
    with readable():
        if formats.recognise(_first_bytes(files.paths[0])) is formats.DICOM:
            MissingExtraError.unless_found("a DICOM slide", "dicom", "wsidicom")
            from marrowscope.imaging.slides.dicom_reader import DicomReader  # noqa: PLC0415 (an extra)

            return DicomReader(files.paths)
        MissingExtraError.unless_found("a whole slide", "wsi", "openslide")
        return _of_scanner(files.paths[0])


@contextmanager
def opened(files: SlideFiles) -> Iterator[Slide]:
    """Give a slide that stays open for the next one who asks; after a fault it is opened anew.

    Raises
    ------
    ImageError
        It cannot be read, or it is no longer as it was.
    """
    if SlideFiles.at(files.paths) != files:
        raise ImageError("the file changed while the run went on; run again")
    with _lock:
        slide = _open.pop(files, None) or open_slide(files)
        _open[files] = slide
        while len(_open) > _KEPT_OPEN:  # whoever still reads it has it open until then
            _open.popitem(last=False)
    try:
        with readable():
            yield slide
    except ImageError:
        with _lock:
            _open.pop(files, None)
        raise


_open: OrderedDict[SlideFiles, Slide] = OrderedDict()
_lock = Lock()


@contextmanager
def readable() -> Iterator[None]:
    """Turn every fault of the libraries into an `ImageError` of one line."""
    try:
        yield
    except MissingExtraError as error:
        raise ImageError(str(error)) from error
    except (MarrowscopeError, MemoryError):
        raise
    except Exception as error:  # on damaged bytes the readers raise nearly anything
        said = _PATH.sub("", str(error)).strip() or type(error).__name__
        reason = said.splitlines()[0][:160]
        raise ImageError(f"this slide cannot be read: {reason}") from error


def _of_scanner(path: Path) -> Slide:
    from marrowscope.imaging.slides import openslide_reader  # noqa: PLC0415 (an extra)

    is_tiff = formats.recognise(_first_bytes(path)) is formats.TIFF
    if is_tiff and (not openslide_reader.is_known(path) or tiff_reader.is_ome(path)):
        return tiff_reader.TiffReader(path)
    return openslide_reader.OpenSlideReader(path)


def _is_pyramid(path: Path, largest_field: int) -> bool:
    try:
        return tiff_reader.is_pyramid(path, largest_field)
    except Exception:  # noqa: BLE001 (said when the file is read as an image)
        return False


def _dicom_series(paths: Sequence[Path]) -> tuple[tuple[Path, ...], ...]:
    with readable():
        MissingExtraError.unless_found("a DICOM slide", "dicom", "wsidicom")
        from marrowscope.imaging.slides.dicom_reader import series_of  # noqa: PLC0415 (an extra)

        return series_of(paths)


def _mirax_companions(path: Path) -> tuple[Path, ...]:
    folder = path.with_suffix("")
    if not (folder / "Slidedat.ini").is_file():
        raise ImageError(f"the folder {folder.name} that belongs to this MRXS slide is missing")
    return tuple(sorted(each for each in folder.iterdir() if each.is_file()))


def _first_bytes(path: Path) -> bytes:
    with path.open("rb") as stream:
        return stream.read(formats.HEAD_BYTES)
