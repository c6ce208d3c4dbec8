"""The atlas: drawn, imported and pinned cells."""

import io
import json
from pathlib import Path

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from PIL import Image
from tests.service.conftest import logged_in, own_password, reasons
from tests.service.drawn import Drawn

from marrowscope.errors import InputError
from marrowscope.service.atlas import imported
from marrowscope.synth.atlas import VIEWS

API = "/api/v1"


def atlas_of(client: TestClient, cell_type: str) -> list[dict[str, str]]:
    answer = client.get(f"{API}/atlas/{cell_type}")
    assert answer.status_code == 200, answer.text
    return list(answer.json()["items"])


def sign(client: TestClient, drawn: Drawn) -> None:
    shown = client.get(f"{API}/analyses/{drawn.analysis}").json()
    body = {
        "meaning": "approved",
        "revision": shown["revision"],
        "password": own_password(client),
        "waived": reasons(client, drawn.analysis),
    }
    assert client.post(f"{API}/analyses/{drawn.analysis}/signature", json=body).status_code == 201


def name_first(client: TestClient, drawn: Drawn, cell_type: str) -> str:
    cell = client.get(f"{API}/analyses/{drawn.analysis}/cells").json()["items"][0]
    change = {"id": cell["id"], "revision": cell["revision"], "type": cell_type}
    assert (
        client.patch(f"{API}/analyses/{drawn.analysis}/cells", json={"changes": [change]}).status_code == 200
    )
    return str(cell["id"])


def picture_of(client: TestClient, address: str) -> tuple[int, int]:
    answer = client.get(address)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "image/jpeg"
    with Image.open(io.BytesIO(answer.content)) as image:
        return image.size


def test_drawn_cells_are_there_from_the_beginning(viewer: TestClient) -> None:
    found = atlas_of(viewer, "promyelocyte")
    assert [each["kind"] for each in found] == ["drawn"] * VIEWS
    assert picture_of(viewer, found[0]["address"]) == (224, 224)
    assert atlas_of(viewer, "artefact") == []


@pytest.mark.parametrize("address", ["blast/drawn/99.jpg", "artefact/drawn/0.jpg", "blast/pbc/1.jpg"])
def test_a_picture_that_is_not_there_is_told(viewer: TestClient, address: str) -> None:
    assert viewer.get(f"{API}/atlas/{address}").status_code == 404


def test_a_signed_cell_is_pinned_and_taken_out(
    app: FastAPI, reviewer: TestClient, viewer: TestClient, drawn: Drawn
) -> None:
    cell = name_first(reviewer, drawn, "monocyte")
    assert reviewer.put(f"{API}/cells/{cell}/pin").status_code == 409  # not signed yet
    sign(reviewer, drawn)
    assert viewer.put(f"{API}/cells/{cell}/pin").status_code == 403
    assert reviewer.put(f"{API}/cells/{cell}/pin").status_code == 200
    assert reviewer.put(f"{API}/cells/{cell}/pin").status_code == 200
    first = atlas_of(viewer, "monocyte")[0]
    assert (first["kind"], first["cell_id"]) == ("pinned", cell)
    assert picture_of(viewer, first["address"]) == (224, 224)
    admin = logged_in(app, "anna")
    actions = [
        entry["action"] for entry in admin.get(f"{API}/patients/{drawn.patient}/audit").json()["items"]
    ]
    assert actions.count("atlas.pin") == 1
    assert reviewer.delete(f"{API}/cells/{cell}/pin").status_code == 204
    assert [each["kind"] for each in atlas_of(viewer, "monocyte")] == ["drawn"] * VIEWS


def test_a_cell_nobody_named_is_no_example(reviewer: TestClient, drawn: Drawn) -> None:
    cell = reviewer.get(f"{API}/analyses/{drawn.analysis}/cells").json()["items"][0]["id"]
    sign(reviewer, drawn)
    assert reviewer.put(f"{API}/cells/{cell}/pin").status_code == 409


def test_a_pin_goes_with_its_type_and_its_patient(
    admin: TestClient, reviewer: TestClient, drawn: Drawn
) -> None:
    cell = name_first(reviewer, drawn, "monocyte")
    sign(reviewer, drawn)
    reviewer.put(f"{API}/cells/{cell}/pin")
    reviewer.post(f"{API}/analyses/{drawn.analysis}/amendments", json={"reason": "again"})
    revision = reviewer.get(f"{API}/cells/{cell}").json()["revision"]
    reviewer.patch(
        f"{API}/cells/{cell}", json={"type": "lymphocyte"}, headers={"If-Match": str(revision)}
    ).raise_for_status()
    assert "pinned" not in {each["kind"] for each in atlas_of(reviewer, "monocyte")}


def test_a_deleted_patient_leaves_no_pinned_cell(
    admin: TestClient, reviewer: TestClient, drawn: Drawn
) -> None:
    cell = name_first(reviewer, drawn, "monocyte")
    sign(reviewer, drawn)
    reviewer.put(f"{API}/cells/{cell}/pin")
    assert "pinned" in {each["kind"] for each in atlas_of(reviewer, "monocyte")}
    answer = admin.request("DELETE", f"{API}/patients/{drawn.patient}", json={"reason": "withdrawn"})
    assert answer.status_code == 204, answer.text
    assert "pinned" not in {each["kind"] for each in atlas_of(reviewer, "monocyte")}


def test_who_reads_blind_does_not_see_what_others_pinned_of_the_same_case(
    app: FastAPI, reviewer: TestClient, drawn: Drawn
) -> None:
    cell = name_first(reviewer, drawn, "monocyte")
    sign(reviewer, drawn)
    reviewer.put(f"{API}/cells/{cell}/pin")
    reviewer.post(f"{API}/analyses/{drawn.analysis}/amendments", json={"reason": "again"})
    blind = logged_in(app, "anna")
    assert blind.post(f"{API}/analyses/{drawn.analysis}/readings").status_code == 201
    assert "pinned" not in {each["kind"] for each in atlas_of(blind, "monocyte")}
    assert "pinned" in {each["kind"] for each in atlas_of(reviewer, "monocyte")}
    assert blind.put(f"{API}/cells/{cell}/pin").status_code == 403
    assert blind.delete(f"{API}/cells/{cell}/pin").status_code == 403


@pytest.fixture
def downloaded(tmp_path: Path) -> Path:
    """A set of two types as a folder per type, with a folder that names no type."""
    root = tmp_path / "downloaded"
    for folder, shade in (("monocytes", 90), ("Lymphocyte", 140), ("notes", 10)):
        (root / folder).mkdir(parents=True)
        for number in range(5):
            Image.new("RGB", (80, 60), (shade, shade, shade + number)).save(root / folder / f"{number}.png")
    return root


def test_an_open_set_is_imported_with_licence_and_citation(
    app: FastAPI, viewer: TestClient, downloaded: Path
) -> None:
    folder = app.state.service.settings.atlas_folder
    about = imported.described(downloaded, "My set", "CC0", "Me, 2026")
    *_, last = imported.import_set(downloaded, folder, about, per_type=3)
    assert last == (6, 6)
    (listed,) = viewer.get(f"{API}/atlas").json()["items"]
    assert listed["pictures"] == {"lymphocyte": 3, "monocyte": 3}
    first = atlas_of(viewer, "monocyte")[0]
    assert (first["kind"], first["title"], first["licence"], first["citation"]) == (
        "imported", "My set", "CC0", "Me, 2026",
    )  # fmt: skip
    assert picture_of(viewer, first["address"]) == (224, 224)
    *_, last = imported.import_set(downloaded, folder, about, per_type=1)
    assert last == (2, 2)
    assert json.loads((folder / "downloaded" / "set.json").read_text("utf-8"))["licence"] == "CC0"
    assert len(imported.imported_pictures(folder, "monocyte")) == 1


def test_a_set_without_a_licence_is_not_imported(downloaded: Path) -> None:
    with pytest.raises(InputError, match=r"add --licence$"):
        imported.described(downloaded, "My set", "", "")
    with pytest.raises(InputError, match=r"add --title and --licence$"):
        imported.described(downloaded, "", "", "")
    with pytest.raises(InputError, match="there is no folder"):
        imported.described(downloaded / "none", "", "", "")


def test_a_folder_that_names_no_type_holds_nothing_to_import(tmp_path: Path) -> None:
    (tmp_path / "set" / "notes").mkdir(parents=True)
    Image.new("RGB", (60, 60)).save(tmp_path / "set" / "notes" / "1.png")
    about = imported.SetInfo("set", "A set", "CC0", "")
    with pytest.raises(InputError, match="no folder is named after a cell type"):
        list(imported.import_set(tmp_path / "set", tmp_path / "atlas", about, 3))


def test_a_known_set_says_its_own_licence(tmp_path: Path) -> None:
    root = tmp_path / "PBC_dataset_normal_DIB"
    for folder, name in (
        ("monocyte", "MO_1.jpg"),
        ("neutrophil", "SNE_1.jpg"),
        ("neutrophil", "NEUTROPHIL_1.jpg"),
    ):
        (root / folder).mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (90, 90), "pink").save(root / folder / name)
    about = imported.described(root, "", "", "")
    assert about.licence == "CC BY 4.0 (to be confirmed)"
    assert "Acevedo" in about.citation
    list(imported.import_set(root, tmp_path / "atlas", about, 5))
    (listed,) = imported.imported_sets(tmp_path / "atlas")
    assert listed.counts == {"monocyte": 1, "segmented_neutrophil": 1}
