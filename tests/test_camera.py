"""A camera of this machine, pretended or a video file: fields are taken as shown, and read as any image."""

import os
import subprocess
import sys
import threading
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from marrowscope.errors import InputError, MissingExtraError
from marrowscope.live.camera import Camera, CameraView, open_camera
from marrowscope.synth import draw_field
from tests.cohorts import table
from tests.faults import fault

Pixels = npt.NDArray[np.uint8]


class Pretended:
    """A camera that shows one picture until another one is put under it; without one it gives none."""

    def __init__(self, pixels: Pixels | None) -> None:
        self._pixels = pixels
        self._read = threading.Condition()
        self._reads = 0
        self.is_released = False

    def read(self) -> tuple[bool, Any]:
        with self._read:
            self._reads += 1
            self._read.notify_all()
            return (False, None) if self._pixels is None else (True, self._pixels[..., ::-1].copy())

    def release(self) -> None:
        self.is_released = True

    def put(self, pixels: Pixels | None) -> None:
        """Change what is shown, and wait until it was read and what was read is known."""
        with self._read:
            self._pixels = pixels
            seen = self._reads
            self._read.wait_for(lambda: self._reads >= seen + 2, 60)


def field(seed: int) -> Pixels:
    return draw_field(seed, width=320, height=240, cells=3).pixels


def blurred(pixels: Pixels) -> Pixels:
    small = Image.fromarray(pixels).reduce(8)
    return np.asarray(small.resize((pixels.shape[1], pixels.shape[0]), Image.Resampling.BILINEAR))


def read(path: Path | None) -> Pixels:
    assert path is not None
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB"))


def test_what_is_shown_is_taken_lossless(tmp_path: Path) -> None:
    first, second = field(1), field(2)
    capture = Pretended(first)
    with Camera(capture, tmp_path) as camera:
        capture.put(first)
        one = camera.take()
        capture.put(second)
        other = camera.take()
        view = camera.view
    assert np.array_equal(read(one), first)
    assert np.array_equal(read(other), second)
    assert (view.taken, view.size) == (2, (320, 240))
    assert capture.is_released


def test_fields_of_one_instant_have_names_of_their_own(tmp_path: Path) -> None:
    capture = Pretended(field(1))
    with Camera(capture, tmp_path, clock=lambda: datetime(2026, 1, 2, 3, 4, 5, 678000, UTC)) as camera:
        capture.put(field(1))
        names = [path.name for path in (camera.take(), camera.take()) if path]
    assert names == ["frame-20260102-030405-678.png", "frame-20260102-030405-678 (2).png"]


def test_the_focus_is_told_beside_the_sharpest_view(tmp_path: Path) -> None:
    capture = Pretended(field(1))
    with Camera(capture, tmp_path) as camera:
        capture.put(field(1))
        sharp = camera.view
        capture.put(blurred(field(1)))
        soft = camera.view
    assert sharp.focus is not None
    assert soft.focus is not None
    assert sharp.focus == sharp.best == soft.best
    assert soft.focus < sharp.focus / 4


def test_a_camera_that_is_pulled_out_is_told(tmp_path: Path) -> None:
    capture = Pretended(None)
    with Camera(capture, tmp_path) as camera:
        assert camera.take() is None
        camera._thread.join(60)
        assert camera.view == CameraView(fault="the camera gives no more pictures")


def test_what_a_camera_showed_last_is_not_taken_once_it_is_gone(tmp_path: Path) -> None:
    capture = Pretended(field(1))
    with Camera(capture, tmp_path) as camera:
        capture.put(field(1))
        assert camera.take() is not None
        capture.put(None)
        camera._thread.join(60)
        assert camera.take() is None
        assert (camera.view.fault, camera.view.taken) == ("the camera gives no more pictures", 1)


def test_a_driver_that_fails_is_told(tmp_path: Path) -> None:
    class Failing(Pretended):
        def read(self) -> tuple[bool, Any]:
            raise RuntimeError("USB reset")

    with Camera(Failing(None), tmp_path) as camera:
        camera._thread.join(60)
        assert camera.view.fault == "the camera failed: USB reset"


def test_a_field_that_cannot_be_written_is_told_and_the_next_one_is_taken(tmp_path: Path) -> None:
    capture = Pretended(field(1))
    with Camera(capture, tmp_path) as camera:
        capture.put(field(1))
        with fault(tmp_path, 0) as full:
            assert camera.take() is None
        assert full.happened
        assert camera.view.fault == "the field cannot be written: No space left on device"
        assert camera.take() is not None
        assert (camera.view.fault, camera.view.taken) == ("", 1)


def test_what_cannot_be_opened_is_told_in_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("cv2")
    with pytest.raises(InputError, match="cannot be opened"):
        open_camera(str(tmp_path / "none.avi"), tmp_path / "captures")
    monkeypatch.setitem(sys.modules, "cv2", None)
    with pytest.raises(MissingExtraError, match="'camera' extra"):
        open_camera("0", tmp_path / "captures")


def test_on_the_command_line_a_key_takes_a_field_that_is_counted(tmp_path: Path) -> None:
    """A video file in the place of a camera, lines in the place of keys."""
    cv2 = pytest.importorskip("cv2")
    video, pixels = tmp_path / "camera.avi", draw_field(3, width=640, height=480, cells=8).pixels
    writer = cv2.VideoWriter(str(video), cv2.VideoWriter.fourcc(*"FFV1"), 10, (640, 480))
    assert writer.isOpened()
    for _ in range(5):
        writer.write(pixels[..., ::-1].copy())
    writer.release()
    command = [sys.executable, "-m", "marrowscope", "watch", "--camera", str(video), "-o", "out/BM 1"]
    command += ["--json", "--mpp", "0.1", "--target-cells", "1", "--until-target"]
    with subprocess.Popen(
        command, cwd=tmp_path, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=os.environ
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        captures = tmp_path / "out" / "BM 1" / "captures" / "BM 1"
        while process.poll() is None and not list(captures.glob("*.png")):
            process.stdin.write("\n")
            process.stdin.flush()
            threading.Event().wait(0.2)
        told = process.stdout.readline()
        assert process.wait(300) == 0
    assert '"patient": "BM 1"' in told
    taken = sorted(captures.glob("frame-*.png"))
    assert np.array_equal(read(taken[0]), pixels)
    (row,) = table(tmp_path / "out" / "BM 1" / "patients.csv")
    assert int(row["counted"]) >= 1
