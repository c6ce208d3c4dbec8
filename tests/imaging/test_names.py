"""Names are one name however their accents were typed, and none is too long for what comes after."""

import zipfile
from pathlib import Path

import pytest

from marrowscope.imaging.files.sources import discover
from marrowscope.imaging.names import LONGEST_NAME, natural_key, safe_name, shortened, shown, too_long

COMPOSED, APART = "\u00d6zdemir", "O\u0308zdemir"


@pytest.mark.parametrize("odd", ["\n", "\x7f", "\u2028", "\u2029", "\udcff"])
def test_what_would_break_a_line_or_is_no_character_is_replaced(odd: str) -> None:
    assert shown(f"plain {APART}{odd}end") == f"plain {COMPOSED}\ufffdend"
    assert shown(f"no\u00a0break{odd}") == "no\u00a0break\ufffd"
    assert shown("no\u00a0break") == "no\u00a0break"


def test_names_are_composed_wherever_they_come_from(tmp_path: Path) -> None:
    assert shown(APART) == COMPOSED
    (tmp_path / APART).mkdir()
    (tmp_path / APART / f"{APART}.png").touch()
    with zipfile.ZipFile(tmp_path / "more.zip", "w") as archive:
        archive.writestr(f"{APART} 2.png", b"")
    own, packed = sorted(discover([tmp_path]), key=lambda patient: patient.patient != COMPOSED)
    assert (own.patient, [field.name for field in own.fields]) == (COMPOSED, [f"{COMPOSED}.png"])
    assert [field.name for field in packed.fields] == [f"{COMPOSED} 2.png"]
    assert own.fields[0].path.exists()


def test_one_patient_of_a_manifest_is_one_however_the_name_was_typed(tmp_path: Path) -> None:
    for name in ("a.png", "b.png"):
        (tmp_path / name).touch()
    manifest = tmp_path / "manifest.csv"
    manifest.write_text(f"patient,path\n{COMPOSED},a.png\n{APART},b.png\n", "utf-8")
    (patient,) = discover([manifest])
    assert len(patient.fields) == 2


def test_numbers_of_any_length_are_sorted() -> None:
    assert natural_key("9" * 5000) > natural_key("8" * 5000)
    names = ["9" * 5000, "10", "9", "0" * 4999 + "1"]
    assert sorted(names, key=natural_key)[-1] == names[0]


@pytest.mark.parametrize("length", [LONGEST_NAME, LONGEST_NAME + 1, 100_000])
def test_a_name_too_long_is_shortened_to_one_of_its_own(length: int) -> None:
    one, other = "a" * length, "a" * (length // 2) + "b" + "a" * (length - length // 2 - 1)
    assert max(len(shortened(one)), len(shortened(other))) <= LONGEST_NAME
    assert shortened(one) != shortened(other)
    assert (too_long(one) is None) == (shortened(one) == one) == (length <= LONGEST_NAME)


def test_a_patient_s_name_too_long_is_told(tmp_path: Path) -> None:
    (tmp_path / "a.png").touch()
    manifest = tmp_path / "manifest.csv"
    manifest.write_text(f"patient,path\n{'P' * 5000},a.png\n", "utf-8")
    (patient,) = discover([manifest])
    assert len(patient.patient) <= LONGEST_NAME
    assert "5,000 characters" in patient.problems[0]


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


def test_natural_order() -> None:
    names = ["f10", "F2", "f1", "1", "a1b10", "a1b9", "é2"]
    assert sorted(names, key=natural_key) == ["1", "a1b9", "a1b10", "f1", "F2", "f10", "é2"]
