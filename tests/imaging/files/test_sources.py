"""Where patients' images are found, and how a bad input is told."""

from __future__ import annotations

import io
import os
import pickle
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from marrowscope.errors import ImageError, InputError
from marrowscope.imaging.files.decode import DecodeLimits, decode
from marrowscope.imaging.files.sources import FieldSource, PatientSource, discover
from marrowscope.imaging.names import natural_key, safe_name

LIMITS = DecodeLimits()
_NOBODY = 65534


def image_bytes(shade: int = 200) -> bytes:
    stream = io.BytesIO()
    Image.new("RGB", (40, 40), (shade, 100, 100)).save(stream, "PNG")
    return stream.getvalue()


def put(root: Path, *names: str) -> Path:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(image_bytes())
    return root


def zipped(path: Path, *names: str, data: bytes | None = None) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in names:
            archive.writestr(name, image_bytes() if data is None else data)
    return path


def layout(found: tuple[PatientSource, ...]) -> dict[str, list[str]]:
    return {patient.patient: [field.name for field in patient.fields] for patient in found}


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
    assert decode(found[0].fields[0].read(LIMITS)).pixels.shape == (40, 40, 3)


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


def test_a_zip_is_one_patient(tmp_path: Path) -> None:
    archive = zipped(tmp_path / "Anna.zip", "b.png", "a.png", "__MACOSX/._a.png", ".DS_Store", "readme.txt")
    found = discover([archive])
    assert layout(found) == {"Anna": ["a.png", "b.png"]}
    assert decode(found[0].fields[0].read(LIMITS)).pixels.shape == (40, 40, 3)


def test_a_zip_of_patients(tmp_path: Path) -> None:
    plain = zipped(tmp_path / "plain.zip", "P1/a.png", "P2/b.png", "P2/slide/c.png")
    assert layout(discover([plain])) == {"P1": ["a.png"], "P2": ["b.png", "slide/c.png"]}
    wrapped = zipped(tmp_path / "wrapped.zip", "cohort/P1/a.png", "cohort/P2/b.png")
    assert layout(discover([wrapped])) == {"P1": ["a.png"], "P2": ["b.png"]}


def test_zips_at_the_level_of_the_cohort_and_inside_a_patient(tmp_path: Path) -> None:
    put(tmp_path, "P1/a.png")
    zipped(tmp_path / "P1" / "scan.zip", "x.png", "more/y.png")
    zipped(tmp_path / "P2.zip", "z.png")
    assert layout(discover([tmp_path])) == {
        "P1": ["a.png", "scan.zip/more/y.png", "scan.zip/x.png"],
        "P2": ["z.png"],
    }
    assert layout(discover([tmp_path / "P1"]))["P1"] == ["a.png", "scan.zip/more/y.png", "scan.zip/x.png"]


def test_zip_names_leading_outside_are_refused(tmp_path: Path) -> None:
    archive = zipped(tmp_path / "bad.zip", "../a.png", "/etc/b.png", "C:\\c.png", "x/../../d.png", "good.png")
    found = discover([archive])
    assert layout(found) == {"bad": ["good.png"]}
    assert found[0].problems == (
        "bad.zip: '../a.png' and 3 more points outside the archive and was left out",
    )


def test_nested_zips_are_not_opened(tmp_path: Path) -> None:
    found = discover([zipped(tmp_path / "outer.zip", "a.png", "inner.zip")])
    assert layout(found) == {"outer": ["a.png"]}
    assert "inside it was not opened" in found[0].problems[0]


def test_a_broken_zip_is_told_on_its_row(tmp_path: Path) -> None:
    put(tmp_path, "P1/a.png")
    (tmp_path / "P2.zip").write_bytes(b"not a zip at all")
    found = discover([tmp_path])
    assert layout(found) == {"P1": ["a.png"], "P2": []}
    assert "not a readable ZIP archive" in found[1].problems[0]


def test_zip_bombs_are_not_unpacked(tmp_path: Path) -> None:
    archive = zipped(tmp_path / "bomb.zip", "bomb.png", data=bytes(40 * 2**20))
    (field,) = discover([archive])[0].fields
    with pytest.raises(ImageError, match="compressed more than"):
        field.read(LIMITS)
    with pytest.raises(ImageError, match=r"the limit is 1,000"):
        field.read(DecodeLimits(max_bytes=1_000))


def test_a_zip_lying_about_sizes_is_bounded(tmp_path: Path) -> None:
    archive = zipped(tmp_path / "liar.zip", "a.png", data=bytes(range(256)) * 400)
    raw = bytearray(archive.read_bytes())
    for signature, offset in ((b"PK\x03\x04", 22), (b"PK\x01\x02", 24)):
        at = raw.index(signature) + offset
        raw[at : at + 4] = (50).to_bytes(4, "little")
    archive.write_bytes(raw)
    (field,) = discover([archive])[0].fields
    with pytest.raises(ImageError):
        field.read(LIMITS)


def test_encrypted_and_damaged_members_fail_when_read(tmp_path: Path) -> None:
    archive = zipped(tmp_path / "secret.zip", "a.png")
    raw = bytearray(archive.read_bytes())
    raw[raw.index(b"PK\x01\x02") + 8] |= 1
    archive.write_bytes(raw)
    with pytest.raises(ImageError, match="encrypted"):
        discover([archive])[0].fields[0].read(LIMITS)
    damaged = zipped(tmp_path / "damaged.zip", "a.png")
    raw = bytearray(damaged.read_bytes())
    raw[45:55] = bytes(10)
    damaged.write_bytes(raw)
    with pytest.raises(ImageError, match=r"cannot be read from damaged\.zip"):
        discover([damaged])[0].fields[0].read(LIMITS)


def test_unreadable_files_fail_when_read(tmp_path: Path) -> None:
    put(tmp_path, "P1/a.png", "P1/b.png")
    first, second = discover([tmp_path])[0].fields
    first.path.unlink()
    first.path.mkdir()
    second.path.unlink()
    with pytest.raises(ImageError, match=r"cannot be read: Is a directory"):
        first.read(LIMITS)
    with pytest.raises(ImageError, match=r"cannot be read: No such file"):
        second.read(LIMITS)


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
            found[0].fields[0].read(LIMITS)
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


@pytest.mark.parametrize("name", ["P1", "Пациент 1", "患者", "a b", "x.y-z_1"])
def test_harmless_names_stay(name: str) -> None:
    assert safe_name(name) == name


def test_other_names_become_safe_and_stay_distinct(tmp_path: Path) -> None:
    names = ["..", ".", "", "a/b", "a\\b", "a_b", "../../etc/passwd", "x" * 300, "x" * 301, "é" * 200, "CON",
             "nul.txt", "a\nb", "a\0b", " a", "a ", "a.", "a:b", "bad\udcff", "bad\udcfe"]  # fmt: skip
    safe = [safe_name(name) for name in names]
    assert len({text.casefold() for text in safe}) == len(names)
    for text in safe:
        assert text not in {"", ".", ".."}
        assert not set(text) & set('/\\:*?"<>|\n\0')
        (tmp_path / text).write_bytes(b"")


def test_undecodable_file_names_can_be_written_down(tmp_path: Path) -> None:
    folder = tmp_path / "P1"
    folder.mkdir()
    try:
        Path(os.fsdecode(os.fsencode(folder) + b"/bad\xff.png")).write_bytes(image_bytes())
    except OSError:
        pytest.skip("this file system takes UTF-8 names only")
    (field,) = discover([tmp_path])[0].fields
    assert field.name == "bad\ufffd.png"
    assert field.read(LIMITS) == image_bytes()


def test_natural_order() -> None:
    names = ["f10", "F2", "f1", "1", "a1b10", "a1b9", "é2"]
    assert sorted(names, key=natural_key) == ["1", "a1b9", "a1b10", "f1", "F2", "f10", "é2"]


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
    unknown(tmp_path / "P1", "s/scan.mrxs", "noname")
    put(tmp_path / "P2", "a.png")
    unknown(tmp_path, "loose.bin")
    found = discover([tmp_path])
    assert passed_over(found) == {"P1": ("noname", "s/scan.mrxs"), "P2": ()}
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


@pytest.mark.parametrize("wrapped", ["", "cohort/"])
def test_an_archive_inside_an_archive_is_told_of_on_its_own_patient(tmp_path: Path, wrapped: str) -> None:
    with zipfile.ZipFile(tmp_path / "all.zip", "w") as archive:
        for name in ("A/1.png", "B/1.png", "B/more.zip"):
            archive.writestr(wrapped + name, b"\x89PNG")
    first, second = discover([tmp_path / "all.zip"])
    assert (first.patient, first.problems) == ("A", ())
    assert second.problems == (f"all.zip: the archive '{wrapped}B/more.zip' inside it was not opened",)
