"""Counts that go on while a camera writes."""

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from threading import Event

import pytest
from PIL import Image

import marrowscope
from marrowscope.domain.decision import Verdict, custom_rule
from marrowscope.domain.patient import CohortReport, FieldStatus
from marrowscope.domain.scale import ScaleBySize
from marrowscope.errors import InputError
from marrowscope.live.count import NEVER, LiveUpdate, Until
from marrowscope.live.folder import QUIET_S, WatchedFolder
from marrowscope.pipeline import FieldReader, FieldTask
from tests.cohorts import analyse, fields_of, table, write_fields
from tests.rates import settled_by


class Camera:
    """Writes an image after each update, and ends the count after the last."""

    def __init__(self, steps: list[Callable[[], object]]) -> None:
        self.stop = Event()
        self.updates: list[LiveUpdate] = []
        self._steps = iter(steps)

    def __call__(self, update: LiveUpdate) -> None:
        self.updates.append(update)
        step = next(self._steps, self.stop.set)
        step()

    @property
    def fields(self) -> list[dict[str, FieldStatus]]:
        return [
            {name: field.status for name, field in fields_of(update.report).items()}
            for update in self.updates
        ]


def watch(folder: Path, out: Path, camera: Camera, until: Until = NEVER) -> CohortReport:
    return marrowscope.watch(folder, out, stop=camera.stop, listener=camera, until=until)


def later(path: Path, folder: Path) -> Callable[[], object]:
    return lambda: shutil.copy(path, folder / path.name)


def test_every_image_is_counted_as_it_comes_and_the_end_is_that_of_a_run(tmp_path: Path) -> None:
    images = write_fields(tmp_path / "images", 4)
    folder = tmp_path / "camera"
    folder.mkdir()
    shutil.copy(images[0], folder)
    camera = Camera([later(path, folder) for path in images[1:]])
    report = watch(folder, tmp_path / "live", camera)
    assert [[field.name for _, field in update.new] for update in camera.updates] == [
        [path.name] for path in images
    ]
    cells = [sum(map(len, (f.cells for f in fields_of(u.report).values()))) for u in camera.updates]
    assert cells == sorted(cells)
    assert cells[-1] > cells[0] > 0
    (patient,) = report.patients
    assert patient.looks_again
    again = analyse(folder, tmp_path / "live", resume=True)
    assert again.patients[0].differential == patient.differential
    # Resampling takes longer than the count: it is left for the end.
    assert {u.report.patients[0].bootstrap_interval for u in camera.updates} == {None}
    assert patient.bootstrap_interval == again.patients[0].bootstrap_interval is not None
    (row,) = table(tmp_path / "live" / "patients.csv")
    assert int(row["fields"]) == 4
    assert (tmp_path / "live" / "report.html").is_file()


def test_an_image_that_is_still_written_is_read_once_it_is_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("marrowscope.live.count._BROKEN_AFTER_S", 600.0)  # on a slow machine, too
    (image,) = write_fields(tmp_path / "images", 1)
    whole = image.read_bytes()
    folder = tmp_path / "camera"
    folder.mkdir()
    growing = folder / "field.png"
    growing.write_bytes(whole[: len(whole) // 2])
    camera = Camera([lambda: growing.write_bytes(whole)])
    watch(folder, tmp_path / "out", camera)
    assert camera.fields == [{"field.png": FieldStatus.FAILED}, {"field.png": FieldStatus.READ}]
    assert camera.updates[0].new == ()


def test_the_same_spot_again_is_told_and_counted_once(tmp_path: Path) -> None:
    (image,) = write_fields(tmp_path / "camera", 1)
    camera = Camera([lambda: Image.open(image).save(image.with_name("again.jpg"), quality=90)])
    report = watch(tmp_path / "camera", tmp_path / "out", camera)
    status = fields_of(report)
    assert sorted(field.status for field in status.values()) == [FieldStatus.DUPLICATE, FieldStatus.READ]
    assert report.patients[0].differential == camera.updates[0].report.patients[0].differential


def test_a_folder_may_be_named_from_where_one_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (image,) = write_fields(tmp_path / "images", 1)
    whole = image.read_bytes()
    (tmp_path / "camera").mkdir()
    growing = tmp_path / "camera" / "field.png"
    growing.write_bytes(whole[: len(whole) // 2])
    camera = Camera([lambda: growing.write_bytes(whole)])
    monkeypatch.chdir(tmp_path)
    watch(Path("camera"), Path("out"), camera)
    assert camera.fields[-1] == {"field.png": FieldStatus.READ}
    assert camera.updates[-1].seconds < 3600
    with pytest.raises(InputError, match="another folder"):
        watch(Path("camera"), Path("camera"), camera)


def test_folders_of_patients_without_an_image_are_waited_for(tmp_path: Path) -> None:
    (tmp_path / "camera" / "P1").mkdir(parents=True)
    with pytest.raises(InputError, match="nothing was read"):
        marrowscope.watch(
            tmp_path / "camera", tmp_path / "out", until=Until(settled=True, target=True, quiet_s=0)
        )


def test_an_image_that_is_deleted_is_not_counted(tmp_path: Path) -> None:
    images = write_fields(tmp_path / "camera", 2)
    camera = Camera([lambda: None, images[0].unlink])
    report = watch(tmp_path / "camera", tmp_path / "out", camera)
    assert list(fields_of(report)) == [images[1].name]


def test_a_broken_image_is_told_once_it_is_clear_that_nobody_writes_it(tmp_path: Path) -> None:
    write_fields(tmp_path / "camera", 1)
    (tmp_path / "camera" / "broken.png").write_bytes(b"no image")
    stop = Event()
    told: list[tuple[str, FieldStatus]] = []

    def listener(update: LiveUpdate) -> None:
        told.extend((field.name, field.status) for _, field in update.new)
        if FieldStatus.FAILED in dict(told).values():
            stop.set()

    report = marrowscope.watch(tmp_path / "camera", tmp_path / "out", stop=stop, listener=listener)
    assert told[-1] == ("broken.png", FieldStatus.FAILED)
    assert len(told) == 2
    assert report.patients[0].fields_failed == 1
    (row,) = table(tmp_path / "out" / "patients.csv")
    assert row["fields_failed"] == "1"


def test_folders_that_are_linked_are_followed_and_loops_end(tmp_path: Path) -> None:
    (image,) = write_fields(tmp_path / "drive", 1)
    (tmp_path / "camera").mkdir()
    (tmp_path / "camera" / "P1").symlink_to(tmp_path / "drive")
    (tmp_path / "drive" / "back").symlink_to(tmp_path / "camera")
    camera = Camera([])
    report = watch(tmp_path / "camera", tmp_path / "out", camera)
    assert [patient.patient for patient in report.patients] == ["P1"]
    assert [update.seconds < 3600 for update in camera.updates] == [True]
    assert image.name in fields_of(report)


def test_a_count_that_goes_on_measures_the_scale_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    images = write_fields(tmp_path / "images", 5)
    folder = tmp_path / "camera"
    folder.mkdir()
    measured: list[int] = []
    measure = FieldReader.measure_patient

    def measuring(reader: FieldReader, tasks: Sequence[FieldTask]) -> ScaleBySize:
        measured.append(len(tasks))
        return measure(reader, tasks)

    monkeypatch.setattr(FieldReader, "measure_patient", measuring)
    shutil.copy(images[0], folder)
    watch(folder, tmp_path / "out", Camera([later(images[1], folder)]))
    assert measured == [1, 2]
    camera = Camera([later(images[2], folder), later(images[3], folder), later(images[4], folder)])
    marrowscope.watch(folder, tmp_path / "out", stop=camera.stop, listener=camera, resume=True)
    assert measured == [1, 2, 4]


def test_a_pile_of_images_is_counted_step_by_step(tmp_path: Path) -> None:
    for number, path in enumerate(write_fields(tmp_path / "camera", 10, cells=1)):
        os.utime(path, (number, number))
    camera = Camera([lambda: None] * 9)
    watch(tmp_path / "camera", tmp_path / "out", camera)
    assert [update.waiting for update in camera.updates] == list(range(9, -1, -1))


def test_the_count_ends_when_enough_cells_are_counted(tmp_path: Path) -> None:
    write_fields(tmp_path / "camera", 6)
    camera = Camera([lambda: None] * 20)
    report = marrowscope.watch(
        tmp_path / "camera",
        tmp_path / "out",
        target=10,
        until=Until(target=True),
        stop=camera.stop,
        listener=camera,
    )
    counted = report.patients[0].differential.counted
    assert counted >= 10
    assert [update.standings[update.report.patients[0].patient].to_go for update in camera.updates][-1] == 0
    assert len(camera.updates) < 6


def test_the_count_ends_when_it_decides(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settled_by(tmp_path / "validations", monkeypatch)
    write_fields(tmp_path / "camera", 30)
    report = marrowscope.watch(
        tmp_path / "camera",
        tmp_path / "out",
        rule=custom_rule(95, inclusive=False),
        floor=20,
        until=Until(settled=True),
    )
    (patient,) = report.patients
    assert patient.decision.verdict is Verdict.NEGATIVE
    assert len(patient.fields) < 30


def test_without_an_image_there_is_nothing_to_report(tmp_path: Path) -> None:
    (tmp_path / "camera").mkdir()
    with pytest.raises(InputError, match="nothing was read"):
        marrowscope.watch(tmp_path / "camera", tmp_path / "out", until=Until(quiet_s=0))
    assert not (tmp_path / "out").exists()
    with pytest.raises(InputError, match="no such folder"):
        marrowscope.watch(tmp_path / "none", tmp_path / "out")


def test_on_the_command_line_an_interrupt_ends_the_count_with_a_report(tmp_path: Path) -> None:
    write_fields(tmp_path / "camera", 2)
    command = [sys.executable, "-m", "marrowscope", "watch", "camera", "--json", "--target-cells", "10"]
    with subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        rows = [json.loads(process.stdout.readline()) for _ in range(2)]
        process.send_signal(signal.SIGINT)
        assert process.wait() == 0
    assert [row["fields"] for row in rows] == [1, 2]
    (row,) = table(tmp_path / "results" / "patients.csv")
    assert int(row["counted"]) == rows[-1]["counted"]


def test_a_folder_is_told_once_and_only_when_it_is_quiet(tmp_path: Path) -> None:
    seconds = [0.0]
    folder = WatchedFolder(tmp_path, lambda: seconds[0])
    assert not folder.changed()
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "field.png").write_bytes(b"1")
    assert not folder.changed()
    seconds[0] += 2 * QUIET_S
    assert folder.changed()
    assert not folder.changed()
    (tmp_path / "sub" / "field.png").write_bytes(b"12")
    assert not folder.changed()
    seconds[0] += QUIET_S / 2
    (tmp_path / "sub" / "field.png").write_bytes(b"123")
    assert not folder.changed()
    seconds[0] += 2 * QUIET_S
    assert folder.changed()
    (tmp_path / "sub" / "camera.log").write_bytes(b"1")
    (tmp_path / "results" / ".marrowscope").mkdir(parents=True)
    (tmp_path / "results" / "picture.jpg").write_bytes(b"1")
    seconds[0] += 2 * QUIET_S
    assert not folder.changed()
    assert list(folder.versions) == [tmp_path / "sub" / "field.png"]
