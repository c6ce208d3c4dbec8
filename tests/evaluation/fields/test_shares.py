"""Blast shares of fields against labels of whole fields."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tests.evaluation.networks.named_cells import cells_of

from marrowscope.errors import DatasetError
from marrowscope.evaluation.fields.shares import FieldSharesTest, evaluate_field_shares
from marrowscope.models.bundle import load_bundle
from marrowscope.synth import draw_field


def field(grey: int) -> np.ndarray:
    pixels = np.full((16, 16, 3), grey, np.uint8)
    pixels[2:8, 2:8] = 0
    return pixels


def test_figures_by_hand() -> None:
    read = [
        cells_of([0.1, 0.2]),  # benign, no blast
        cells_of([0.4, 0.6]),  # benign, half
        cells_of([0.9, 0.8]),  # malignant, all
        cells_of([0.3, 0.4, 0.45]),  # malignant, none called, though likelier than the first
        cells_of([0.9], [False]),  # malignant, no cell that counts: takes no part
    ]
    labels = ["Benign", "Benign", "Pro", "Early", "Pro"]
    result = evaluate_field_shares(labels, ["Pro", "Early"], [field(200)] * 5, read)
    # Pairs (malignant, benign): 1 > 0, 1 > 0.5, 0 = 0, 0 < 0.5.
    assert result.share_auc.value == pytest.approx(2.5 / 4)
    assert result.probability_auc.value == pytest.approx(3 / 4)
    by_label = {label.label: label for label in result.labels}
    assert (by_label["Pro"].n_fields, by_label["Pro"].n_read, by_label["Pro"].n_cells) == (2, 1, 2)
    assert by_label["Benign"].quartiles == pytest.approx((0.125, 0.25, 0.375))
    assert not by_label["Benign"].is_malignant
    content = result.to_json()
    assert (content["n_fields"], content["n_read"], content["unfamiliar"]) == (5, 4, 0)


def test_the_background_alone_is_told() -> None:
    rng = np.random.default_rng(0)
    read = [cells_of([0.5, 0.4])] * 40
    labels = ["Benign"] * 20 + ["Pro"] * 20
    fields = [field(int(180 + 30 * (label == "Pro") + rng.integers(5))) for label in labels]
    result = evaluate_field_shares(labels, ["Pro"], fields, read)
    assert result.share_auc.value == 0.5
    assert result.number_auc == 0.5
    assert result.background_only.blast_auc is not None
    assert result.background_only.blast_auc > 0.95


def test_fields_of_folders_are_read(tmp_path: Path) -> None:
    for label, types in (("healthy", ["lymphocyte"] * 3), ("ill", ["blast"] * 3)):
        (tmp_path / label).mkdir()
        for seed in range(2):
            drawn = draw_field(seed, width=360, height=300, cell_types=types)
            Image.fromarray(drawn.pixels).save(tmp_path / label / f"{seed}.png")
    test = FieldSharesTest(tmp_path, malignant=["ill"], benign=["healthy"], mpp=0.1)
    told: list[int] = []
    result = test.measure(load_bundle(), on_field=lambda done, _: told.append(done))
    assert told == [1, 2, 3, 4]
    assert [(label.label, label.n_fields) for label in result.labels] == [("healthy", 2), ("ill", 2)]
    assert result.probability_auc.value is not None
    assert FieldSharesTest(tmp_path, ["ill"], ["healthy"], fields=1).fields == 1
    (tmp_path / "none").mkdir()
    with pytest.raises(DatasetError, match="holds no fields"):
        FieldSharesTest(tmp_path, ["ill"], ["none"]).measure(load_bundle())


def test_real_fields_of_hematogones_and_leukemia(shared_data: Path) -> None:
    test = FieldSharesTest(shared_data / "fields" / "taleqani", ["Pro"], ["Benign"], fields=2)
    result = test.measure(load_bundle())
    assert [label.n_fields for label in result.labels] == [2, 2]
    assert sum(label.n_cells for label in result.labels) > 0
