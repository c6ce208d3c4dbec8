"""CSV files of boxes, and reviewed cells.csv files that become a training set."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from marrowscope.datasets.convert import convert
from marrowscope.datasets.layouts.cells import read_folder_per_type
from marrowscope.datasets.layouts.csv_boxes import read_csv
from marrowscope.datasets.layouts.fields import read_fields
from marrowscope.datasets.splits import block_split
from marrowscope.errors import DatasetError

HEADER = "patient,field,cell,x0,y0,x1,y1,score,cell_type,probability,p_blast,is_blast,counted,flags"


def field_of(path: Path, colour: int) -> None:
    """A pale field, 100 x 80, with one dark cell at 30, 20 to 60, 40."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.full((80, 100, 3), 220, np.uint8)
    pixels[20:40, 30:60] = colour
    Image.fromarray(pixels).save(path)


@pytest.fixture
def patients(tmp_path: Path) -> Path:
    for number, patient in enumerate(("P 01", "P02", "-3")):
        field_of(tmp_path / "patients" / patient / "slide" / "f1.png", 50 + number)
        field_of(tmp_path / "patients" / patient / "slide" / "f2.png", 60 + number)
    return tmp_path / "patients"


def cells_csv(folder: Path, lines: list[str], header: str = f"{HEADER},reviewed_type") -> Path:
    path = folder / "cells.csv"
    path.write_text("\n".join([header, *lines]) + "\n", encoding="utf-8-sig")
    return path


def line(
    patient: str = "P02", field: str = "slide/f1.png", reviewed: str = "", box: str = "30.0,20.0,60.0,40.0"
) -> str:
    return f"{patient},{field},1,{box},0.9,blast,0.8,0.8,true,true,,{reviewed}"


def test_reviewed_cells_become_a_training_set_split_by_patient(patients: Path, tmp_path: Path) -> None:
    lines = [
        line("P 01", reviewed="Monocyte"),
        line("P 01", "slide/f2.png", reviewed="lymphoblast"),
        line("P 01", "slide/f2.png", box="5,5,15,15"),
        line("P02", reviewed="SEG"),
        line("'-3", reviewed="red cell"),
    ]
    fields = read_csv(cells_csv(tmp_path, lines), patients)
    assert sorted(field.group for field in fields) == [
        "patients/-3",
        "patients/P 01",
        "patients/P 01",
        "patients/P02",
    ]
    convert(fields, "cells", tmp_path / "out")
    cells = read_folder_per_type(tmp_path / "out")
    assert {(cell.cell_type, cell.group) for cell in cells} == {
        ("monocyte", "out/P 01"),
        ("lymphoblast", "out/P 01"),
        ("segmented_neutrophil", "out/P02"),
        ("red_cell", "out/-3"),
    }
    monocyte = next(cell for cell in cells if cell.cell_type == "monocyte")
    assert monocyte.path.name.startswith("P 01@")
    assert monocyte.pixels()[128, 128].tolist() == [50, 50, 50]
    parts = block_split(cells, lambda cell: cell.cell_type, {"train": 0.5, "test": 0.5})
    assert not {cell.group for cell in parts["train"]} & {cell.group for cell in parts["test"]}


def test_names_that_a_spreadsheet_or_a_keyboard_changed_are_found(tmp_path: Path) -> None:
    for name in ("007", "1E5", "\u00d6z"):
        field_of(tmp_path / "patients" / name / "\u00e4.png", 50)
    lines = [line(name, "a\u0308.png", reviewed="monocyte") for name in ("7", "100000", "O\u0308z")]
    fields = read_csv(cells_csv(tmp_path, lines), tmp_path / "patients")
    assert {field.group for field in fields} == {"patients/007", "patients/1E5", "patients/\u00d6z"}


def test_unreviewed_cells_are_ignored_unless_wanted(patients: Path, tmp_path: Path) -> None:
    table = cells_csv(tmp_path, [line(reviewed="monocyte"), line(box="5,5,15,15")])
    (field,) = read_csv(table, patients)
    assert (field.labels, field.ignore.tolist()) == (("monocyte", "blast"), [False, True])
    (field,) = read_csv(table, patients, keep_unreviewed=True)
    assert field.ignore.tolist() == [False, False]
    with pytest.raises(DatasetError, match="nothing is reviewed"):
        read_csv(cells_csv(tmp_path, [line()]), patients)


def test_without_the_column_the_given_type_counts(patients: Path, tmp_path: Path) -> None:
    table = cells_csv(tmp_path, [line().removesuffix(",")], HEADER)
    assert read_csv(table, patients)[0].labels == ("blast",)
    with pytest.raises(DatasetError, match="--images"):
        read_csv(table)


def test_one_patients_own_folder_serves_too(tmp_path: Path) -> None:
    field_of(tmp_path / "P02" / "f1.png", 9)
    table = cells_csv(tmp_path, [line(field="f1.png", reviewed="blast")])
    assert read_csv(table, tmp_path / "P02")[0].group == "P02/P02"


@pytest.mark.parametrize(
    ("bad", "said"),
    [
        (line("../patients/P02", reviewed="blast"), "patient '../patients/P02' leads out"),
        (line(field="../P 01/slide/f1.png", reviewed="blast"), "leads out"),
        (line(field="/etc/passwd", reviewed="blast"), "leads out"),
        (line(field="C:\\x.png", reviewed="blast"), "leads out"),
        (line("P07", reviewed="blast"), "no patient 'P07'"),
        (line(field="f9.png", reviewed="blast"), "no field 'f9.png'"),
        (line(reviewed="monocyt"), "'monocyt' is no cell type; did you mean monocyte"),
        (line(reviewed="blast", box="1,2,x,4"), "no number"),
        (line(reviewed="blast", box="1,2,nan,4"), "not finite"),
        (line("", reviewed="blast"), "patient is missing"),
    ],
)
def test_a_wrong_line_is_named(patients: Path, tmp_path: Path, bad: str, said: str) -> None:
    table = cells_csv(tmp_path, [line(reviewed="blast"), bad])
    with pytest.raises(DatasetError, match=said) as caught:
        read_csv(table, patients)
    assert str(caught.value).startswith("cells.csv, line 3: ")
    assert "\n" not in str(caught.value)


def test_boxes_of_any_spreadsheet(tmp_path: Path) -> None:
    field_of(tmp_path / "set" / "a.png", 9)
    field_of(tmp_path / "set" / "sub" / "b.png", 9)
    table = tmp_path / "set" / "mine.csv"
    table.write_text(
        "Label;image;x0;y0;x1;y1;group\nWBC;a.png;30,5;20;60;40;p1\n;sub/b.png;;;;;\n", encoding="utf-8"
    )
    first, empty = read_fields(table)
    assert (first.boxes.tolist(), first.labels, first.group) == (
        [[30.5, 20, 60, 40]],
        ("leukocyte",),
        "mine/p1",
    )
    assert (len(empty.boxes), empty.group) == (0, "mine/sub/b")


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("../a.png,1,2,9,9,WBC", "leads out"),
        ("link.png,1,2,9,9,WBC", "leads out"),
        ("c.png,1,2,9,9,WBC", "no image 'c.png'"),
        ("b.png,1,2,9,9,", "label is missing"),
    ],
)
def test_boxes_outside_their_folder_are_refused(tmp_path: Path, row: str, said: str) -> None:
    field_of(tmp_path / "a.png", 9)
    field_of(tmp_path / "set" / "b.png", 9)
    (tmp_path / "set" / "link.png").symlink_to(tmp_path / "a.png")
    (tmp_path / "set" / "boxes.csv").write_text(f"image,x0,y0,x1,y1,label\n{row}\n")
    with pytest.raises(DatasetError, match=said):
        read_fields(tmp_path / "set")


def test_other_tables_are_refused(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("a,b\n1,2\n")
    with pytest.raises(DatasetError, match="not the columns needed"):
        read_csv(tmp_path / "t.csv")
    (tmp_path / "t.csv").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(DatasetError, match="UTF-8"):
        read_csv(tmp_path / "t.csv")


def test_a_field_lying_on_its_side_is_read_upright(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[274] = 6
    Image.new("RGB", (100, 80)).save(tmp_path / "a.jpg", exif=exif)
    (tmp_path / "boxes.csv").write_text("image,x0,y0,x1,y1,label\na.jpg,10,70,60,95,WBC\n")
    (field,) = read_fields(tmp_path)
    assert field.size == (80, 100)
    assert field.pixels().shape == (100, 80, 3)
    assert field.boxes.tolist() == [[10, 70, 60, 95]]
