"""The page's files as the service gives them."""

from pathlib import Path

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from marrowscope.service.rest import pages


@pytest.fixture(params=["sqlite"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The page needs no second database."""
    return f"sqlite:///{tmp_path / 'service.db'}"


@pytest.fixture
def built(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A page as a build leaves it."""
    dist = tmp_path / "dist"
    (dist / "assets").mkdir(parents=True)
    (dist / "index.html").write_text("<!doctype html><div id=root></div>", encoding="utf-8")
    (dist / "assets" / "index-1a2b.js").write_text("export {};", encoding="utf-8")
    (dist / "built-from").write_text("secret", encoding="utf-8")
    monkeypatch.setattr(pages, "DIST", dist)
    return dist


@pytest.mark.parametrize("address", ["/", "/patients/0123", "/patients/0123/audit", "/admin/users"])
def test_every_address_of_the_page_gives_the_page(built: Path, client: TestClient, address: str) -> None:
    answer = client.get(address)
    assert answer.status_code == 200
    assert "<div id=root>" in answer.text
    assert answer.headers["cache-control"] == "no-cache"


def test_the_page_may_load_files_of_its_own_host_only(built: Path, client: TestClient) -> None:
    policy = client.get("/").headers["content-security-policy"]
    assert "default-src 'self'" in policy
    assert "unsafe" not in policy


def test_hashed_files_are_kept_for_ever(built: Path, client: TestClient) -> None:
    answer = client.get("/assets/index-1a2b.js")
    assert answer.status_code == 200
    assert "immutable" in answer.headers["cache-control"]
    assert answer.headers["content-type"].startswith("text/javascript")


@pytest.mark.parametrize(
    "address",
    [
        "/assets/none.js",
        "/assets/..%2fbuilt-from",
        "/assets/%2e%2e%2f%2e%2e%2f__init__.py",
        "/api/v1/none",
        "/api",
    ],
)
def test_what_is_not_there_is_a_problem(built: Path, client: TestClient, address: str) -> None:
    answer = client.get(address)
    if "%2" in address and answer.status_code == 200:  # the slash came out decoded: an address of the page
        assert "<div id=root>" in answer.text
    else:
        assert answer.status_code in {404, 422}
        assert answer.headers["content-type"] == "application/problem+json"


def test_a_page_not_built_is_told(
    app: FastAPI, client: TestClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pages, "DIST", tmp_path)
    answer = client.get("/")
    assert answer.status_code == 503
    assert "make web" in answer.text
    assert client.get("/healthz").status_code == 200
