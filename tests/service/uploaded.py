"""Uploading images as a client does, and what the service says of them."""

import io
from typing import Any

from fastapi.testclient import TestClient
from PIL import Image

from marrowscope.synth import draw_field

API = "/api/v1"


def new_patient(client: TestClient, name: str = "P 1") -> str:
    answer = client.post(f"{API}/patients", json={"name": name})
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


def png(seed: int = 0, width: int = 320, height: int = 240, cells: int = 3) -> bytes:
    stream = io.BytesIO()
    field = draw_field(seed, width=width, height=height, cells=cells)
    Image.fromarray(field.pixels).save(stream, "PNG")
    return stream.getvalue()


def send(
    client: TestClient,
    patient: str,
    *files: tuple[str, bytes],
    key: str | None = None,
    same_name: str | None = None,
) -> Any:
    headers = {} if key is None else {"Idempotency-Key": key}
    query = {} if same_name is None else {"same_name": same_name}
    parts = [("files", (name, data, "application/octet-stream")) for name, data in files]
    return client.post(f"{API}/patients/{patient}/files", files=parts, params=query, headers=headers)


def rows(answer: Any) -> list[tuple[str, str]]:
    assert answer.status_code == 200, answer.text
    return [(item["name"], item["status"]) for item in answer.json()["items"]]


def listed(client: TestClient, patient: str) -> list[dict[str, Any]]:
    answer = client.get(f"{API}/patients/{patient}/fields")
    assert answer.status_code == 200, answer.text
    items: list[dict[str, Any]] = answer.json()["items"]
    return items
