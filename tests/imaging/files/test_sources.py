"""Where patients' images are found, and how a bad input is told."""

from __future__ import annotations

import os
import pickle
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.imaging.files.folders import image_bytes, layout, put, zipped

from marrowscope.errors import ImageError, InputError
from marrowscope.imaging.files.decode import DEFAULT_LIMITS, DecodeLimits, decode
from marrowscope.imaging.files.sources import FieldSource, PatientSource, discover

_NOBODY = 65534


def test_a_folder_of_patients(tmp_path: Path) -> None:
    put(
        tmp_path, "P10/f10.jpg", "P10/f2.jpg", "P2/a.png", "P2/notes.txt", "P2/.hidden.png", "P2/.cache/b.png"
    )
    found = discover([tmp_path])
    assert layout(found) == {"P2": ["a.png"], "P10": ["f2.jpg", "f10.jpg"]}
    assert all(patient.problems == () and patient.truth is None for patient in found)


def test_one_patients_folder(tmp_path: Path) -> None:
    put(tmp_path / "Anna B", "2.TIFF", "1.JPG", "overview.txt")
    assert layout(discover([tmp_path / "Anna B"])) == {"Anna B": ["1.JPG", "2.TIFF"]}


def test_slides_below_a_patient(tmp_path: Path) -> None:
    put(tmp_path, "P1/slide 2/f1.jpg", "P1/slide 1/f1.jpg", "P1/f0.jpg", "P2/deep/er/f.png")
    assert layout(discover([tmp_path])) == {
        "P1": ["f0.jpg", "slide 1/f1.jpg", "slide 2/f1.jpg"],
        "P2": ["deep/er/f.png"],
    }


def test_non_latin_and_spaced_names(tmp_path: Path) -> None:
    put(tmp_path, "Пациент 1/поле зрения.png", "患者 二/視野 1.png")
    found = discover([tmp_path])
    assert layout(found) == {"Пациент 1": ["поле зрения.png"], "患者 二": ["視野 1.png"]}
    assert decode(found[0].fields[0].read(DEFAULT_LIMITS)).pixels.shape == (40, 40, 3)


def test_images_beside_patients_are_not_merged_with_them(tmp_path: Path) -> None:
    put(tmp_path / "cohort", "P1/a.png", "stray.png")
    found = {patient.patient: patient for patient in discover([tmp_path / "cohort"])}
    assert layout(tuple(found.values())) == {"P1": ["a.png"], "cohort": ["stray.png"]}
    assert any("beside" in line for line in found["cohort"].problems)
    assert found["P1"].problems == ()


def test_files_are_one_patient(tmp_path: Path) -> None:
    put(tmp_path / "Anna", "a/1.png", "b/1.png", "c.png")
    files = [tmp_path / "Anna" / name for name in ("b/1.png", "a/1.png", "a/1.png", "c.png")]
    assert layout(discover(files)) == {"Anna": ["a/1.png", "b/1.png", "c.png"]}
    assert layout(discover([tmp_path / "Anna" / "c.png"])) == {"Anna": ["c.png"]}


def test_an_empty_patient_is_kept_and_told(tmp_path: Path) -> None:
    put(tmp_path, "P1/a.png")
    (tmp_path / "P2").mkdir()
    (tmp_path / "P3").mkdir()
    (tmp_path / "P3" / "readme.txt").write_text("nothing")
    found = discover([tmp_path])
    assert layout(found) == {"P1": ["a.png"], "P2": [], "P3": []}
    assert found[1].problems == ("no JPEG, PNG, BMP, TIFF, WebP or JPEG 2000 images found",)


def test_a_folder_sorted_by_type_is_one_patient_where_types_are_known(tmp_path: Path) -> None:
    names = ("blast/1.png", "lymphocyte/2.png", "odd/3.png", "4.png")
    types = {"blast", "lymphocyte"}.__contains__
    put(tmp_path / "P1", *names)
    zipped(tmp_path / "zips" / "P2.zip", *names)
    zipped(tmp_path / "zips" / "P3.zip", *(f"P3/{name}" for name in names if "/" in name))
    fields = ["4.png", "blast/1.png", "lymphocyte/2.png", "odd/3.png"]
    assert layout(discover([tmp_path / "P1"], names_type=types)) == {"P1": fields}
    found = discover([tmp_path / "zips"], names_type=types)
    assert layout(found) == {"P2": fields, "P3": fields[1:]}
    assert set(layout(discover([tmp_path / "P1"]))) == {"P1", "blast", "lymphocyte", "odd"}
    put(tmp_path / "cohort", "blast/1.png", "A/2.png", "B/3.png")
    assert set(layout(discover([tmp_path / "cohort"], names_type=types))) == {"A", "B", "blast"}


def test_nothing_at_all_is_an_input_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no JPEG, PNG, BMP, TIFF, WebP or JPEG 2000 images found"):
        discover([tmp_path])
    with pytest.raises(InputError, match=r"no such file or folder"):
        discover([tmp_path / "absent"])
    with pytest.raises(InputError, match=r"images found$"):
        discover([])
    (tmp_path / "notes.txt").write_text("x")
    with pytest.raises(InputError, match=r"neither a folder"):
        discover([tmp_path / "notes.txt"])


def test_results_of_an_earlier_run_are_no_patients(tmp_path: Path) -> None:
    put(tmp_path, "P1/a.png", "out/annotated/P1/a.png.jpg")
    (tmp_path / "out" / "run.json").write_text("{}")
    (tmp_path / "out" / "patients.csv").write_text("patient\n")
    assert layout(discover([tmp_path])) == {"P1": ["a.png"]}


def test_link_loops_end(tmp_path: Path) -> None:
    put(tmp_path, "P1/a.png", "P2/b.png")
    (tmp_path / "P1" / "up").symlink_to(tmp_path, target_is_directory=True)
    (tmp_path / "P1" / "self").symlink_to(tmp_path / "P1", target_is_directory=True)
    (tmp_path / "P2" / "gone.png").symlink_to(tmp_path / "nowhere.png")
    found = discover([tmp_path])
    assert layout(found)["P2"] == ["b.png"]
    assert layout(found)["P1"] == ["a.png"]


def test_equal_names_of_different_patients_are_numbered(tmp_path: Path) -> None:
    put(tmp_path, "one/P1/a.png", "two/P1/a.png")
    found = discover([tmp_path / "one" / "P1", tmp_path / "two" / "P1", tmp_path / "one" / "P1"])
    assert layout(found) == {"P1": ["a.png"], "P1 (2)": ["a.png"]}
    assert "another patient" in found[1].problems[0]


def test_unreadable_files_fail_when_read(tmp_path: Path) -> None:
    put(tmp_path, "P1/a.png", "P1/b.png")
    first, second = discover([tmp_path])[0].fields
    first.path.unlink()
    first.path.mkdir()
    second.path.unlink()
    with pytest.raises(ImageError, match=r"cannot be read: Is a directory"):
        first.read(DEFAULT_LIMITS)
    with pytest.raises(ImageError, match=r"cannot be read: No such file"):
        second.read(DEFAULT_LIMITS)


@pytest.fixture
def without_privileges() -> Iterator[Path]:
    """A folder, and no superuser's rights while the test runs: the superuser may read everything."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        privileged = hasattr(os, "geteuid") and os.geteuid() == 0
        if privileged:
            os.chown(name, _NOBODY, _NOBODY)
            os.seteuid(_NOBODY)
        try:
            yield Path(name)
        finally:
            if privileged:
                os.seteuid(0)


def test_forbidden_files_and_folders(without_privileges: Path) -> None:
    root = without_privileges
    put(root, "P1/a.png", "P2/b.png")
    (root / "P1" / "a.png").chmod(0)
    (root / "P2").chmod(0)
    try:
        found = discover([root])
        with pytest.raises(ImageError, match="Permission denied"):
            found[0].fields[0].read(DEFAULT_LIMITS)
        assert any("cannot be read" in line for line in found[1].problems)
    finally:
        (root / "P2").chmod(0o700)


def test_an_unreadable_folder_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(tmp_path, "P1/a.png", "P2/b.png")
    scandir = os.scandir

    def refuse(path: Path) -> object:
        if Path(path).name == "P2":
            raise PermissionError(13, "Permission denied")
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)
    found = discover([tmp_path])
    assert layout(found) == {"P1": ["a.png"], "P2": []}
    assert "the folder cannot be read: Permission denied" in found[1].problems


def test_too_large_a_file_is_not_read(tmp_path: Path) -> None:
    put(tmp_path, "P1/a.png")
    with pytest.raises(ImageError, match=r"more than 10 bytes"):
        discover([tmp_path])[0].fields[0].read(DecodeLimits(max_bytes=10))


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_manifest(tmp_path: Path, delimiter: str) -> None:
    put(tmp_path, "imgs/a/1.png", "imgs/a/2.png", "imgs/b.png", "imgs/c.png")
    rows = [["Path", "Patient", "Truth"], ["imgs/a", "Анна", "positive"], ["imgs/b.png", "B 1", ""],
            ["imgs/c.png", "B 1", "negative"], ["", "", ""]]  # fmt: skip
    manifest = tmp_path / "cohort.csv"
    manifest.write_text("\n".join(delimiter.join(row) for row in rows), encoding="utf-8-sig")
    for found in (discover([manifest]), discover([], manifest=manifest)):
        assert layout(found) == {"Анна": ["1.png", "2.png"], "B 1": ["b.png", "c.png"]}
        assert [patient.truth for patient in found] == ["positive", "negative"]


def test_manifest_problems_go_to_the_row(tmp_path: Path) -> None:
    put(tmp_path, "a/1.png")
    manifest = tmp_path / "m.csv"
    manifest.write_text("patient,path,truth\nA,a,x\nA,a/1.png,y\nA,gone.png,\nB,m.csv,\n")
    found = discover([], manifest=manifest)
    assert layout(found) == {"A": ["a/1.png"], "B": []}
    assert any("no such file or folder" in line for line in found[0].problems)
    assert any("different truths: x, y" in line for line in found[0].problems)
    assert any("not a JPEG" in line for line in found[1].problems)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty"),
        (b"name,file\nA,a.png\n", "needs the columns 'patient' and 'path'"),
        (b"patient,path\n,a.png\n", "line 2: patient or path is missing"),
        (b"patient,path\nA\n", "line 2: patient or path is missing"),
        (b"patient,path\n\x81,a\n", "CSV UTF-8"),
        (b"patient,path\n", "no JPEG"),
    ],
)
def test_bad_manifests(tmp_path: Path, content: bytes, message: str) -> None:
    manifest = tmp_path / "m.csv"
    manifest.write_bytes(content)
    with pytest.raises(InputError, match=message):
        discover([manifest])


def test_sources_travel_to_other_processes(tmp_path: Path) -> None:
    put(tmp_path, "P1/a.png")
    source = discover([tmp_path])[0]
    assert pickle.loads(pickle.dumps(source)) == source  # noqa: S301 - its own pickle
    assert isinstance(source.fields[0], FieldSource)


def test_undecodable_file_names_can_be_written_down(tmp_path: Path) -> None:
    folder = tmp_path / "P1"
    folder.mkdir()
    try:
        Path(os.fsdecode(os.fsencode(folder) + b"/bad\xff.png")).write_bytes(image_bytes())
    except OSError:
        pytest.skip("this file system takes UTF-8 names only")
    (field,) = discover([tmp_path])[0].fields
    assert field.name == "bad\ufffd.png"
    assert field.read(DEFAULT_LIMITS) == image_bytes()


def passed_over(found: tuple[PatientSource, ...]) -> dict[str, tuple[str, ...]]:
    return {patient.patient: patient.passed_over for patient in found}


def unknown(root: Path, *names: str) -> Path:
    """Files of a kind that nobody here knows, beside documents that nobody takes for images."""
    for name in (*names, *(f"{name}.txt" for name in names)):
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"\x01\x02whatever")
    return root


def test_files_that_are_no_images_as_far_as_is_known_are_told(tmp_path: Path) -> None:
    put(tmp_path / "P1", "a.png", "s/b.png")
    unknown(tmp_path / "P1", "s/scan.kfb", "noname")
    put(tmp_path / "P2", "a.png")
    unknown(tmp_path, "loose.bin")
    found = discover([tmp_path])
    assert passed_over(found) == {"P1": ("noname", "s/scan.kfb"), "P2": ()}
    assert found[0].problems == ("loose.bin, beside the patients' folders, is not an image",)
    only = discover([unknown(put(tmp_path / "one", "a.png"), "b.bin")])
    assert passed_over(only) == {"one": ("b.bin",)}


def test_so_are_those_of_archives_and_manifests(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "P3.zip", "w") as archive:
        archive.writestr("a.png", image_bytes())
        archive.writestr("b.bin", b"\x01\x02whatever")
        archive.writestr("c.csv", b"a,b")
        archive.writestr("__MACOSX/d.bin", b"\x01\x02whatever")
    assert passed_over(discover([tmp_path / "P3.zip"])) == {"P3": ("b.bin",)}
    unknown(put(tmp_path / "images", "a.png"), "e.bin")
    manifest = tmp_path / "manifest.csv"
    manifest.write_text("patient,path\nP4,images\n")
    assert passed_over(discover([manifest])) == {"P4": ("e.bin",)}
