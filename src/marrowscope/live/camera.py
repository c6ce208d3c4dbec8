"""A camera of this machine: its focus is watched, and a field is taken when somebody says so.

OpenCV speaks with it: V4L2 on Linux, UVC cameras everywhere.
"""

import io
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol, Self

import numpy as np
import numpy.typing as npt
from PIL import Image

from marrowscope.errors import InputError, MissingExtraError
from marrowscope.exports.atomic import write_atomic
from marrowscope.imaging.names import distinct
from marrowscope.imaging.repeats.fields import sharpness

_LARGEST_PX = 10_000  # asked for in both directions: drivers give the largest picture that they have
_FOCUS_PX = 480  # longer side of what the focus is measured on
_MOST_MISSED = 100  # pictures in a row that a camera may fail to give
_MISSED_S = 0.02


class Capture(Protocol):
    """What is needed of ``cv2.VideoCapture``."""

    def read(self) -> tuple[bool, Any]:
        """Return whether there is a picture, and the next one: uint8 (H, W, 3), blue first."""

    def release(self) -> None:
        """Release the camera."""


@dataclass(frozen=True)
class CameraView:
    """What a camera shows now.

    Attributes
    ----------
    focus : how sharp it is (`imaging.repeats.fields.sharpness`), None before the first picture
    best : the same of the sharpest view so far
    size : width and height of its pictures in pixels, None before the first
    taken : how many fields were taken
    fault : why there are no more pictures, or why the last field was not written; "" while all is well
    """

    focus: float | None = None
    best: float = 0.0
    size: tuple[int, int] | None = None
    taken: int = 0
    fault: str = ""


class Camera:
    """Reads a camera all the time, so that what is taken is what it shows now.

    Parameters
    ----------
    capture : an open camera
    folder : where the fields taken are written, lossless
    clock : the time now, after which fields are named
    """

    def __init__(self, capture: Capture, folder: Path, clock: Callable[[], datetime] = datetime.now) -> None:
        self._capture = capture
        self._folder = folder
        self._clock = clock
        self._lock = threading.Lock()
        self._newest: npt.NDArray[np.uint8] | None = None
        self._view = CameraView()
        self._names: set[str] = set()
        self._ends = threading.Event()
        self._thread = threading.Thread(target=self._run, name="camera", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ends.set()
        self._thread.join()
        self._capture.release()

    @property
    def view(self) -> CameraView:
        """What the camera shows now."""
        with self._lock:
            return self._view

    def take(self) -> Path | None:
        """Write the field that is shown now, as PNG; None if there is none, or the view tells why not."""
        with self._lock:
            newest = self._newest
        if newest is None:
            return None
        stream = io.BytesIO()
        Image.fromarray(np.ascontiguousarray(newest[..., ::-1])).save(stream, "PNG", compress_level=1)
        stamp = self._clock().strftime("frame-%Y%m%d-%H%M%S-%f")[:-3]
        name = distinct(stamp, self._names)
        self._names.add(name)
        path = self._folder / f"{name}.png"
        try:
            write_atomic(path, stream.getvalue())
        except OSError as error:
            with self._lock:
                fault = f"the field cannot be written: {error.strerror or error}"
                self._view = replace(self._view, fault=fault)
            return None
        with self._lock:
            fault = self._view.fault if self._newest is None else ""
            self._view = replace(self._view, taken=self._view.taken + 1, fault=fault)
        return path

    def _run(self) -> None:
        fault = "the camera gives no more pictures"
        try:
            self._read_on()
        except Exception as error:  # noqa: BLE001 (of its driver; whoever looks at the view is told)
            fault = f"the camera failed: {error}"
        if not self._ends.is_set():
            with self._lock:
                self._newest = None  # what it showed last must not be taken for what it shows now
                self._view = replace(self._view, fault=fault)

    def _read_on(self) -> None:
        """Read pictures until the end, or until the camera gives no more."""
        missed = 0
        while not self._ends.is_set() and missed < _MOST_MISSED:
            is_there, picture = self._capture.read()
            if not is_there:
                missed += 1
                self._ends.wait(_MISSED_S)
                continue
            missed = 0
            self._note(np.asarray(picture, np.uint8))

    def _note(self, picture: npt.NDArray[np.uint8]) -> None:
        height, width = picture.shape[:2]
        step = max(-(-max(height, width) // _FOCUS_PX), 1)
        focus = sharpness(np.ascontiguousarray(picture[::step, ::step]))
        with self._lock:
            self._newest = picture
            best = max(self._view.best, focus)
            self._view = replace(self._view, focus=focus, best=best, size=(width, height))


def open_camera(name: str, folder: Path) -> Camera:
    """Open a camera whose fields are written to a folder.

    Parameters
    ----------
    name : its number, the first is 0; or a device such as ``/dev/video2``, or a video file
    folder : made if it is not there

    Raises
    ------
    MissingExtraError
        OpenCV is not installed.
    InputError
        The camera cannot be opened, or the folder cannot be made.
    """
    try:
        import cv2  # noqa: PLC0415 (optional)
    except ImportError as error:
        raise MissingExtraError("A camera", "camera") from error
    capture = cv2.VideoCapture(int(name) if name.isdecimal() else name)
    if not capture.isOpened():
        raise InputError(f"the camera {name} cannot be opened: it is not there, or in use elsewhere")
    capture.set(cv2.CAP_PROP_FRAME_WIDTH, _LARGEST_PX)
    capture.set(cv2.CAP_PROP_FRAME_HEIGHT, _LARGEST_PX)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        capture.release()
        raise InputError(f"cannot write to {folder}: {error.strerror or error}") from error
    return Camera(capture, folder)
