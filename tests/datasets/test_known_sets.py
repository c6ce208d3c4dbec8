"""Public sets: a sound table, each recognised by its tree, its labels turned into types of the taxonomy."""

import json
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from marrowscope.datasets.check import check_dataset
from marrowscope.datasets.convert import sort_cells
from marrowscope.datasets.corrections import load_corrections
from marrowscope.datasets.known_sets import known_sets
from marrowscope.datasets.layouts.cells import LabelledCell, read_folder_per_type
from marrowscope.datasets.layouts.fields import LAYOUTS, read_fields
from marrowscope.datasets.layouts.recognise import recognise_layout, recognise_set
from marrowscope.datasets.names import normalise_label
from marrowscope.datasets.splits import read_and_split
from marrowscope.domain.taxonomy import taxonomy
from marrowscope.errors import DatasetError

OF_FIELDS = {"leukocyte", "red_cell", "leukocyte_not_blast", ""}

# Set -> (files of a small look-alike, what is read: type -> number).
CELLS = {
    "bmc": (
        ["BLA/0001-1000/BLA_00001.jpg", "BLA/1001-2000/BLA_01001.jpg", "PLM/PLM_00007.jpg",
         "NIF/NIF_00001.jpg", "OTH/OTH_00001.jpg"],
        {"blast": 2, "plasma_cell": 1, "artefact": 1},
    ),
    "lmu": (
        ["AML/MYO/MYO_0001.tiff", "AML/MYO/MYO_0010.tiff", "AML/LYA/LYA_0003.tiff", "AML/KSC/KSC_0001.tiff"],
        {"myeloblast": 2, "lymphocyte": 1, "smudge_cell": 1},
    ),
    "pbc": (
        ["ig/MMY_1.jpg", "ig/MY_2.jpg", "ig/PMY_3.jpg", "ig/IG_4.jpg", "neutrophil/BNE_5.jpg",
         "neutrophil/SNE_6.jpg", "neutrophil/NEUTROPHIL_7.jpg", "basophil/BA_8.jpg",
         "platelet/PLATELET_9.jpg"],
        {"metamyelocyte": 1, "myelocyte": 1, "promyelocyte": 1, "leukocyte_not_blast": 2,
         "band_neutrophil": 1,
         "segmented_neutrophil": 1, "basophil": 1, "platelet": 1},
    ),
    "cnmc": (
        ["C-NMC/fold_0/all/UID_11_1_1_all.bmp", "C-NMC/fold_0/all/UID_11_2_1_all.bmp",
         "C-NMC/fold_0/hem/UID_H6_1_1_hem.bmp", "C-NMC/fold_1/all/UID_12_1_1_all.bmp"],
        {"lymphoblast": 3, "leukocyte_not_blast": 1},
    ),
    "jhu": (
        ["patient_00/blast/BL_15336325.jpg", "patient_00/lymphocyte_variant/VLY_15336326.jpg",
         "patient_01/blast/BL_8796253.jpg", "patient_01/platelet_clump/GT_13658405.jpg"],
        {"blast": 2, "reactive_lymphocyte": 1, "platelet": 1},
    ),
    "jiangxi": (
        [f"{kind}/00{i}.jpg" for i, kind in enumerate(
            ("basophil", "eosinophil", "lymphocyte", "monocyte", "segmented_neutrophil"))],
        {"basophil": 1, "eosinophil": 1, "lymphocyte": 1, "monocyte": 1, "segmented_neutrophil": 1},
    ),
    "raabin": (
        [f"{part}/{kind}/2019_{kind}_{i}.jpg" for i, part in enumerate(("Train", "TestA"))
         for kind in ("Basophil", "Eosinophil", "Lymphocyte", "Monocyte", "Neutrophil")],
        {"basophil": 2, "eosinophil": 2, "lymphocyte": 2, "monocyte": 2, "segmented_neutrophil": 2},
    ),
}  # fmt: skip


def noise(path: Path, size: tuple[int, int] = (40, 40)) -> None:
    """An image like no other."""
    path.parent.mkdir(parents=True, exist_ok=True)
    seed = sum(path.as_posix().encode())
    pixels = np.random.default_rng(seed).integers(0, 255, (size[1] // 8 + 1, size[0] // 8 + 1, 3), np.uint8)
    Image.fromarray(pixels).resize(size, Image.Resampling.NEAREST).save(path)


def tree(root: Path, name: str) -> list[LabelledCell]:
    for file in CELLS[name][0]:
        noise(root / file)
    return read_folder_per_type(root)


def test_the_table_is_sound() -> None:
    for known in known_sets().values():
        assert known.layout in {"", "cells", *LAYOUTS}
        assert set(known.use) <= {"train", "test", "look"}
        assert bool(known.use) == bool(known.layout)
        for target in (*known.labels.values(), *known.prefixes.values()):
            assert target in taxonomy() or target in OF_FIELDS, (known.id, target)
        if known.layout in {"voc", "yolo", "coco"}:  # these are read by name: both must say the same
            assert all(normalise_label(label) == to for label, to in known.labels.items() if label != "0")
        if known.corrections:
            assert load_corrections(known.corrections).boxes
        json.dumps(known.to_json())


@pytest.mark.parametrize("name", CELLS)
def test_a_set_of_cells_is_recognised_and_mapped(tmp_path: Path, name: str) -> None:
    cells = tree(tmp_path / "set", name)
    (tmp_path / "set" / "annotations.dat").write_text("not for us")
    known = recognise_set(tmp_path / "set")
    assert known is not None
    assert known.id == name
    assert recognise_layout(tmp_path / "set") == "cells"
    assert Counter(cell.cell_type for cell in cells) == CELLS[name][1]
    report = check_dataset(tmp_path / "set")
    assert report.known_set == known
    assert report.class_counts == CELLS[name][1]
    assert report.is_clean
    left_out = [problem.where for problem in report.problems if problem.kind == "left out"]
    assert left_out == (["OTH"] if name == "bmc" else [])


def test_patients_of_jhu_are_its_folders_and_boxes_beside_cells_are_no_fields(tmp_path: Path) -> None:
    cells = tree(tmp_path / "jhu", "jhu")
    assert sorted({cell.group for cell in cells}) == ["jhu/patient_00", "jhu/patient_01"]
    (tmp_path / "jiangxi").mkdir()
    (tmp_path / "jiangxi" / "boxes.csv").write_text("path,x0,y0,x1,y1\n")
    tree(tmp_path / "jiangxi", "jiangxi")
    assert recognise_layout(tmp_path / "jiangxi") == "cells"


def test_patients_of_cnmc_stay_together(tmp_path: Path) -> None:
    cells = tree(tmp_path / "set", "cnmc")
    assert sorted({cell.group for cell in cells}) == ["set/11", "set/12", "set/H6"]
    parts = read_and_split(tmp_path / "set", "auto", {"train": 0.5, "test": 0.5})
    groups = [{item.group for item in part} for part in parts.values()]
    assert not groups[0] & groups[1]
    assert check_dataset(tmp_path / "set").split_counts == {"fold0": 3, "fold1": 1}


def test_sorted_by_type_a_set_keeps_its_patients(tmp_path: Path) -> None:
    cells = tree(tmp_path / "set", "cnmc")
    sort_cells(cells, tmp_path / "sorted")
    again = read_folder_per_type(tmp_path / "sorted")
    assert {(c.cell_type, c.group) for c in again} == {
        ("lymphoblast", "sorted/11"),
        ("lymphoblast", "sorted/12"),
        ("leukocyte_not_blast", "sorted/H6"),
    }
    assert len(again) == len(cells)
    sort_cells(again, tmp_path / "again")
    names = [{c.path.name for c in read_folder_per_type(tmp_path / root)} for root in ("sorted", "again")]
    assert names[0] == names[1]
    with pytest.raises(DatasetError, match="not empty"):
        sort_cells(cells, tmp_path / "sorted")


def test_a_patient_in_two_folds_is_a_leak(tmp_path: Path) -> None:
    tree(tmp_path, "cnmc")
    noise(tmp_path / "C-NMC" / "fold_1" / "all" / "UID_11_9_1_all.bmp")
    problems = [p for p in check_dataset(tmp_path).problems if p.kind == "group across splits"]
    assert [problem.where.rsplit("/", 1)[-1] for problem in problems] == ["11"]


def test_the_official_parts_of_raabin_are_splits(tmp_path: Path) -> None:
    tree(tmp_path / "set", "raabin")
    assert check_dataset(tmp_path / "set").split_counts == {"test": 5, "train": 5}


def test_other_folders_per_type_are_no_public_set(tmp_path: Path) -> None:
    for file in ("blast/a.png", "monocyte/b.png", "BLA/x.png"):
        noise(tmp_path / file)
    assert recognise_set(tmp_path) is None
    assert recognise_layout(tmp_path) == "cells"


@pytest.mark.parametrize(
    ("size", "name"), [((575, 575), "txl_raabin"), ((360, 363), "txl_pbc"), ((64, 48), "txl")]
)
def test_txl_is_told_by_its_names_and_sizes(tmp_path: Path, size: tuple[int, int], name: str) -> None:
    noise(tmp_path / "images" / "train" / "00dae381-fd8c-5369-ab10-be3e7ef84b2c.jpg", size)
    (tmp_path / "labels" / "train").mkdir(parents=True)
    (tmp_path / "labels" / "train" / "00dae381-fd8c-5369-ab10-be3e7ef84b2c.txt").write_text("0 .5 .5 .2 .2\n")
    (tmp_path / "classes.txt").write_text("WBC\nRBC\nPlatelet\n")
    known = recognise_set(tmp_path)
    assert known is not None
    assert known.id == name
    assert read_fields(tmp_path)[0].labels == ("leukocyte",)


def test_bccd_is_recognised(tmp_path: Path) -> None:
    noise(tmp_path / "JPEGImages" / "BloodImage_00001.jpg")
    (tmp_path / "Annotations").mkdir()
    known = recognise_set(tmp_path)
    assert known is not None
    assert known.id == "bccd"


def test_fields_of_segpc_are_recognised_by_the_names_of_all_parts(tmp_path: Path) -> None:
    for part in ("train", "valid", "validation", "test"):
        Image.new("RGB", (512, 512)).save(tmp_path / f"{part}_12.jpg")
    known = recognise_set(tmp_path)
    assert known is not None
    assert known.id == "segpc"


def test_a_coco_set_of_many_marrow_types_may_be_the_childrens(tmp_path: Path) -> None:
    noise(tmp_path / "images" / "p1.png")
    names = [known.name for known in taxonomy()] + [
        "Neutrophilic myelocytes",
        "Normoblast, polychromatic",
        "Rest",
    ]
    document = {
        "images": [{"id": 1, "file_name": "p1.png", "patient": "p1"}],
        "categories": [{"id": i, "name": name} for i, name in enumerate(names)],
        "annotations": [
            {"id": i, "image_id": 1, "category_id": i, "bbox": [1, 1, 20, 20]} for i in range(len(names))
        ],
    }
    (tmp_path / "annotations.json").write_text(json.dumps(document))
    known = recognise_set(tmp_path)
    assert known is not None
    assert known.id == "child_marrow"
    (field,) = read_fields(tmp_path)
    assert field.labels[-3:] == ("myelocyte", "polychromatophilic_erythroblast", "rest")
    assert field.group.endswith("/p1")
