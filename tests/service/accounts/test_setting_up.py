"""The first administrator, created on the page."""

from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from marrowscope.service.accounts import setting_up
from marrowscope.service.rest.app import create_app
from marrowscope.service.settings import Settings
from marrowscope.service.store.schema import bring_up_to_date

API = "/api/v1"
CODE = "K7QM-2HXA-9RPB"
PASSWORD = "correct horse battery"


def new_installation(folder: Path, code: str | None = CODE) -> TestClient:
    """A service without accounts, and a browser that has asked it who is logged in."""
    settings = Settings(data_folder=folder)
    folder.mkdir(exist_ok=True)
    app = create_app(settings, with_jobs=False, setup_code=code)
    bring_up_to_date(app.state.service.database)
    client = TestClient(app, raise_server_exceptions=False)
    state = client.get(f"{API}/session").json()
    assert state["is_set_up"] is False
    client.headers["X-CSRF-Token"] = state["csrf_token"]
    return client


def wanted(**changed: str) -> dict[str, str]:
    return {"code": CODE, "username": "anna", "name": "Anna Keller", "password": PASSWORD, **changed}


def test_the_first_administrator_is_logged_in_at_once(tmp_path: Path) -> None:
    client = new_installation(tmp_path / "data")
    answer = client.post(f"{API}/session/setup", json=wanted(code=" k7qm-2hxa-9rpb "))
    assert answer.status_code == 201, answer.text
    state = answer.json()
    assert (state["user"]["username"], state["user"]["role"]) == ("anna", "admin")
    assert client.get(f"{API}/users").status_code == 200
    stranger = TestClient(client.app, raise_server_exceptions=False)
    assert stranger.get(f"{API}/session").json()["is_set_up"] is True


def test_who_does_not_see_the_terminal_creates_nobody(tmp_path: Path) -> None:
    client = new_installation(tmp_path / "data")
    refused = client.post(f"{API}/session/setup", json=wanted(code="AAAA-AAAA-AAAA"))
    assert refused.status_code == 403
    assert client.get(f"{API}/session").json()["is_set_up"] is False


def test_a_server_that_printed_no_code_takes_none(tmp_path: Path) -> None:
    client = new_installation(tmp_path / "data", code=None)
    assert client.post(f"{API}/session/setup", json=wanted()).status_code == 403


def test_the_code_is_of_no_use_once_there_is_an_account(tmp_path: Path) -> None:
    client = new_installation(tmp_path / "data")
    client.headers["X-CSRF-Token"] = client.post(f"{API}/session/setup", json=wanted()).json()["csrf_token"]
    assert client.post(f"{API}/session/setup", json=wanted(username="eve")).status_code == 409


@pytest.mark.parametrize("change", [{"password": "short"}, {"username": "An na"}, {"name": ""}])
def test_an_invalid_account_is_not_created(tmp_path: Path, change: dict[str, str]) -> None:
    client = new_installation(tmp_path / "data")
    assert client.post(f"{API}/session/setup", json=wanted(**change)).status_code == 422
    assert client.get(f"{API}/session").json()["is_set_up"] is False


def test_codes_differ_and_can_be_read_out() -> None:
    codes = {setting_up.new_code() for _ in range(50)}
    assert len(codes) == 50
    assert not set("".join(codes)) & set("IO01")
