"""Measuring a bundle after a plan: metrics, card and README table come from one measurement."""

import json
import shutil
import tomllib
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image
from tests.conftest import REPOSITORY
from typer.testing import CliRunner

from marrowscope.cli.app import app
from marrowscope.datasets.convert import convert
from marrowscope.datasets.layouts.fields import labelled_field
from marrowscope.errors import DatasetError
from marrowscope.evaluation.card.model_card import renew_metrics, write_metrics, write_model_card
from marrowscope.evaluation.card.plan import measure_plan, read_plan
from marrowscope.evaluation.card.summary import BEGIN, END, with_figures
from marrowscope.evaluation.card.tests import DetectorTest
from marrowscope.models.bundle import Bundle, load_bundle, verify, write_sums
from marrowscope.synth import draw_field

pytest.importorskip("pycocotools", reason="needs the `train` extra")

SHIPPED = REPOSITORY / "runs" / "evaluation.toml"

PLAN = """
[[evaluation]]
kind = "detector"
data = "synthetic"
role = "external"
note = "drawn, not photographed"
[[evaluation.bar]]
what = "cells found"
figure = "recall"
at_least = 0.1
"""


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("data")
    fields = []
    for seed in range(3):
        drawn = draw_field(seed, width=480, height=360, cells=6)
        path = root / f"drawn_{seed}.png"
        Image.fromarray(drawn.pixels).save(path)
        boxes = [("leukocyte", tuple(box.tolist()), False) for box in drawn.boxes]
        fields.append(labelled_field(path, boxes, f"drawn/{seed}", "drawn"))
    convert(fields, "voc", root / "synthetic")
    (root / "plan.toml").write_text(PLAN)
    return root


def test_finds_that_are_counted_are_named_first(data: Path) -> None:
    bundle = load_bundle()
    platelets = replace(bundle.classifier, types=("platelet",) * 16, blast_threshold=1.1)

    def recall(networks: Bundle, *, counted: bool) -> float:
        found = DetectorTest(data / "synthetic", counted=counted).measure(networks).recall.value
        assert found is not None
        return found

    assert 0.3 < recall(bundle, counted=True) <= recall(bundle, counted=False)  # but at the border
    assert recall(replace(bundle, classifier=platelets), counted=True) == 0


def test_a_plan_becomes_metrics_card_and_table(data: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(load_bundle().folder, tmp_path / "bundle"))
    bundle = load_bundle(folder)
    told: list[str] = []
    evaluations = measure_plan(bundle, data / "plan.toml", data, 1, told.append)
    write_metrics(bundle, evaluations)
    card = write_model_card(bundle).read_text("utf-8")
    write_sums(folder)
    verify(folder)
    metrics = json.loads((folder / "metrics.json").read_text("utf-8"))
    figure = metrics["evaluations"][0]["result"]
    assert figure["n_boxes"] >= 15
    assert figure["ap50"] > 0.8
    assert f"{figure['ap50']:.3f}" in card
    assert "drawn, not photographed" in card
    (bar,) = metrics["evaluations"][0]["bars"]
    assert bar["met"] == (bar["measured"] >= 0.1)
    assert bar["measured"] == figure["recall"]
    assert "| cells found | synthetic | external | at least 0.1 |" in card
    table = with_figures(f"before\n{BEGIN}\nold\n{END}\nafter", metrics)
    assert f"{figure['ap50']:.3f}" in table
    assert "old" not in table
    assert told == ["detector on synthetic ..."]


def test_one_kind_alone_is_measured_and_the_others_stay(data: Path, tmp_path: Path) -> None:
    bundle = load_bundle(Path(shutil.copytree(load_bundle().folder, tmp_path / "bundle")))
    plan = tmp_path / "plan.toml"
    virtual = 'kind = "virtual"\ndata = "synth"\ndrawn = 2\ncounts = 4\ncells = 40\nrole = "held out"\n'
    plan.write_text(f"{PLAN}[[evaluation]]\n{virtual}")
    before = json.loads((bundle.folder / "metrics.json").read_text("utf-8"))["evaluations"]
    before = [entry for entry in before if entry["kind"] != "virtual"]
    (evaluation,) = measure_plan(bundle, plan, data, 1, lambda _: None, only=["virtual"])
    assert evaluation.data == "synth (2 drawn smears)"
    renew_metrics(bundle, [evaluation])
    after = json.loads(renew_metrics(bundle, [evaluation]).read_text("utf-8"))["evaluations"]
    assert [entry for entry in after if entry["kind"] != "virtual"] == before
    assert sum(entry["data"] == evaluation.data for entry in after) == 1
    card = write_model_card(bundle).read_text("utf-8")
    assert "Virtual counts of synth (2 drawn smears)" in card
    assert "composed, no patients" in card
    with pytest.raises(DatasetError, match="no such kind of evaluation: guesses"):
        measure_plan(bundle, plan, data, 1, lambda _: None, only=["guesses"])


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (('kind = "detector"', 'kind = "oracle"'), "'oracle' is none of detector"),
        (('role = "external"', 'role = "best"'), "'best' is none of"),
        (('data = "synthetic"', 'data = "synthetic"\nfolds = 3'), "unknown settings: folds"),
        (('data = "synthetic"', 'data = "elsewhere"'), "no such folder: .*elsewhere"),
        (('kind = "detector"', 'kind = "field_shares"'), "lacks malignant, benign"),
        (('kind = "detector"', 'kind = "adapting"\nfile = "none.json"'), "no such file: .*none.json"),
        (("at_least", "above"), "a bar has what, figure"),
        (("[[evaluation]]", "[[evaluations]]"), "no plan of evaluations"),
    ],
)
def test_a_wrong_plan_is_refused(data: Path, tmp_path: Path, change: tuple[str, str], words: str) -> None:
    (tmp_path / "plan.toml").write_text(PLAN.replace(*change))
    told: list[str] = []
    with pytest.raises(DatasetError, match=words):
        measure_plan(load_bundle(), tmp_path / "plan.toml", data, 1, told.append)
    assert not told  # before anything is measured


def test_the_command_writes_beside_a_bundle_it_may_not_change(data: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    before = load_bundle().sha256
    options = {"--plan": data / "plan.toml", "--data": data, "--out": out, "--plots": out / "plots"}
    arguments = [str(word) for option in options.items() for word in option]
    answer = CliRunner().invoke(app, ["evaluate", "bundle", "builtin", *arguments])
    assert answer.exit_code == 0, answer.output
    assert "met: cells found, measured" in answer.stdout
    written = {path.relative_to(out).as_posix() for path in out.rglob("*") if path.is_file()}
    assert written == {"metrics.json", "MODEL_CARD.md", "plots/precision_recall.png"}
    assert load_bundle().sha256 == before


def test_a_text_without_marks_is_refused() -> None:
    with pytest.raises(ValueError, match="expected one pair of marks"):
        with_figures("nothing here", {"evaluations": []})


def test_the_shipped_plan_can_be_carried_out_where_its_sets_are(tmp_path: Path) -> None:
    entries = tomllib.loads(SHIPPED.read_text("utf-8"))["evaluation"]
    for entry in entries:
        (tmp_path / "data" / entry["data"]).mkdir(parents=True, exist_ok=True)
        if "file" in entry:
            (tmp_path / entry["file"]).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / entry["file"]).touch()
    shutil.copy(SHIPPED, tmp_path / "plan.toml")
    planned = read_plan(tmp_path / "plan.toml", tmp_path / "data")
    assert len(planned) == len(entries)
    assert sum(len(one.bars) for one in planned) >= 15
