"""Cells of one analysis as a reader answers them, and as they are found in another."""

from typing import Any

from fastapi.testclient import TestClient
from tests.service.uploaded import API

FREE = (700.0, 500.0, 790.0, 590.0)
"""A place of the first field where the networks have found nothing."""

NAMES = ("type", "reviewed_type", "reviewed_by", "reviewed_at", "deleted", "comments")


def cells_of(client: TestClient, analysis: str, **query: Any) -> list[dict[str, Any]]:
    answer = client.get(f"{API}/analyses/{analysis}/cells", params={"limit": 5000, **query})
    assert answer.status_code == 200, answer.text
    items: list[dict[str, Any]] = answer.json()["items"]
    return items


def carried(client: TestClient, analysis: str) -> dict[str, Any]:
    """What became of what readers had said: cells that took it over, and what found no cell."""
    answer = client.get(f"{API}/analyses/{analysis}/carried")
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return {name: found[name] for name in ("carried", "lost")}


def give(client: TestClient, analysis: str, cell: dict[str, Any], **answer: Any) -> dict[str, Any]:
    """Answer a cell and return it as it is then."""
    body = {"changes": [{"id": cell["id"], "revision": cell["revision"], **answer}]}
    changed = client.patch(f"{API}/analyses/{analysis}/cells", json=body)
    assert changed.status_code == 200, changed.text
    found: dict[str, Any] = changed.json()["items"][0]
    return found


def draw_cell(client: TestClient, analysis: str, field: str, box: Any = FREE) -> dict[str, Any]:
    body = {"field_id": field, "box": list(box), "type": "plasma_cell"}
    answer = client.post(f"{API}/analyses/{analysis}/cells", json=body)
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


def comment(client: TestClient, cell: dict[str, Any], text: str) -> None:
    assert client.post(f"{API}/cells/{cell['id']}/comments", json={"text": text}).status_code == 201


def at(cells: list[dict[str, Any]], box: Any, within_px: float = 10) -> dict[str, Any]:
    """The one cell that lies where `box` does."""
    (found,) = [
        cell
        for cell in cells
        if all(abs(a - b) < within_px for a, b in zip(cell["box"], box, strict=True))
    ]  # fmt: skip
    return found


def said(cell: dict[str, Any]) -> dict[str, Any]:
    return {name: cell[name] for name in NAMES}
