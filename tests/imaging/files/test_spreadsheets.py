"""Tables that went through a spreadsheet are read, or refused with advice."""

from pathlib import Path

import pytest

from marrowscope.errors import InputError
from marrowscope.imaging.files.manifest import read_manifest
from marrowscope.imaging.files.spreadsheets import known_id, protected, read_table

TEXT = "Patient,Path\nÖzdemir,a b\n007,c\n"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252", "utf-16", "utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize("first", ["", "sep={}\n", "SEP={}\r\n"])
def test_every_way_in_which_excel_saves(tmp_path: Path, encoding: str, separator: str, first: str) -> None:
    text = first.format(separator) + TEXT.replace(",", separator).replace("\n", "\r\n")
    mark = {"utf-16-le": b"\xff\xfe", "utf-16-be": b"\xfe\xff"}.get(encoding, b"")
    path = tmp_path / "manifest.csv"
    path.write_bytes(mark + text.encode(encoding))
    table = read_table(path)
    assert table.columns == ("patient", "path")
    assert [row.values for row in table.rows] == [
        {"patient": "Özdemir", "path": "a b"},
        {"patient": "007", "path": "c"},
    ]
    assert [row.line for row in table.rows] == ([3, 4] if first else [2, 3])


@pytest.mark.parametrize(
    "data", [b"", b"\n\n", TEXT.encode("utf-16-le"), "患者,path\n".encode("shift-jis") + b"\x81\n"]
)
def test_what_cannot_be_read_is_refused_with_advice(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "manifest.csv"
    path.write_bytes(data)
    with pytest.raises(InputError, match=r"is empty|CSV UTF-8"):
        read_table(path)


def test_short_lines_and_protected_formulas(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("a,b,c\n'=1+1,'quoted\n", "utf-8")
    (row,) = read_table(path).rows
    assert row.values == {"a": "=1+1", "b": "'quoted", "c": ""}
    with pytest.raises(InputError, match="missing columns: d, e"):
        read_table(path).require(("a", "d", "e"))


@pytest.mark.parametrize(
    ("cell", "known", "meant"),
    [
        ("007", {"007", "7"}, "007"),
        ("7", {"007", "8"}, "007"),
        ("100000", {"1E5", "P 2"}, "1E5"),
        ("1,00E+05", {"1E5", "P 2"}, "1E5"),
        ("7", {"007", "07"}, None),
        ("O\u0308zdemir", {"\u00d6zdemir", "P 2"}, "\u00d6zdemir"),
        ("P 3", {"007", "P 2"}, None),
    ],
)
def test_ids_that_a_spreadsheet_made_numbers_of_are_understood(
    cell: str, known: set[str], meant: str | None
) -> None:
    assert known_id(cell, known) == meant


def test_a_manifest_with_backslashes(tmp_path: Path) -> None:
    (tmp_path / "images" / "P 1").mkdir(parents=True)
    manifest = tmp_path / "manifest.csv"
    manifest.write_text("patient;path\nP 1;images\\P 1\n", "utf-8")
    (row,) = read_manifest(manifest)
    assert row.path == tmp_path / "images" / "P 1"


@pytest.mark.parametrize("written", ["\u00d6 1", "O\u0308 1"])
@pytest.mark.parametrize("on_disk", ["\u00d6 1", "O\u0308 1"])
def test_a_manifest_finds_files_however_their_accents_are_written(
    tmp_path: Path, written: str, on_disk: str
) -> None:
    (tmp_path / on_disk).mkdir()
    manifest = tmp_path / "manifest.csv"
    manifest.write_text(f"patient,path\n{written},{written}\n", "utf-8")
    (row,) = read_manifest(manifest)
    assert row.path == tmp_path / on_disk
    assert row.patient == "\u00d6 1"


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "007", "'quoted", "P 1"])
def test_what_is_written_for_a_spreadsheet_is_read_back_as_it_was(tmp_path: Path, text: str) -> None:
    path = tmp_path / "table.csv"
    path.write_text(f"patient\n{protected(text)}\n", "utf-8")
    assert read_table(path).rows[0].values["patient"] == text
    assert not protected(text).startswith(("=", "+", "-", "@"))
