"""The notebooks run from the first cell to the last, and hold no outputs of somebody's machine."""

import json
from pathlib import Path
from typing import Any

import pytest

EXAMPLES = Path(__file__).parents[1] / "examples"
NAMES = sorted(path.stem for path in EXAMPLES.glob("*.ipynb"))


def notebook(name: str) -> Any:
    return json.loads((EXAMPLES / f"{name}.ipynb").read_text("utf-8"))


def run(name: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Run the cells in order in one namespace, as a kernel does, and return it."""
    monkeypatch.chdir(folder)
    monkeypatch.setenv("MPLBACKEND", "Agg")  # no window
    space: dict[str, Any] = {"__name__": "__main__"}
    for cell in notebook(name)["cells"]:
        if cell["cell_type"] == "code":
            code = compile("".join(cell["source"]), f"{name}.ipynb, cell {cell['id']}", "exec")
            exec(code, space)  # noqa: S102 - our own notebook
    return space


def test_every_notebook_has_its_test() -> None:
    assert NAMES == ["read_a_result_folder", "teach_it_your_cells"]


@pytest.mark.parametrize("name", NAMES)
def test_a_notebook_is_one_that_jupyter_opens_and_holds_no_outputs(name: str) -> None:
    document = notebook(name)
    assert set(document) == {"cells", "metadata", "nbformat", "nbformat_minor"}
    assert (document["nbformat"], document["nbformat_minor"]) >= (4, 5)
    cells = document["cells"]
    assert len({cell["id"] for cell in cells}) == len(cells)
    for cell in cells:
        assert cell["metadata"] == {}
        if cell["cell_type"] == "code":
            assert cell["outputs"] == []
            assert cell["execution_count"] is None
        else:
            assert set(cell) == {"cell_type", "id", "metadata", "source"}
            assert cell["cell_type"] == "markdown"


def test_a_result_folder_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    space = run("read_a_result_folder", tmp_path, monkeypatch)
    shares = {row["patient"]: float(row["blast_percent"]) for row in space["per_patient"]}
    assert shares["few blasts"] < 20 < shares["mostly blasts"]
    assert space["surest"]
    assert space["record"]["failures"] == []
    space["plt"].close("all")


def test_cells_are_taught(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("onnx")
    space = run("teach_it_your_cells", tmp_path, monkeypatch)
    before, after = space["figures"]["before"], space["figures"]["after"]
    # A third of the cells are of a type that the built-in networks cannot name.
    assert after["type_accuracy"] > before["type_accuracy"]
    assert "plasma_cell" in space["bundle"].classifier.types
