"""The documentation: built without a warning, with nothing from elsewhere, and shown by the service."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from tests.scripts import script
from tests.service.browser import Running, serving
from tests.service.page.visit import Visit

from marrowscope.service.rest import pages

if TYPE_CHECKING:
    from playwright.sync_api import Browser

manual = script("manual", "packaging/documentation")
INLINE = re.compile(r"<script(?![^>]*(?:\bsrc=|application/json))[^>]*>|<style|\sstyle=|\son\w+=\"")
ELSEWHERE = re.compile(r"<(?:script|link|img|iframe)[^>]*(?:src|href)=\"?(?:https?:)?//")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if not manual.can_be_built():
        pytest.skip("the group `docs` is not installed")
    folder: Path = tmp_path_factory.mktemp("site") / "manual"
    manual.build_manual(folder)
    return folder


@pytest.fixture
def built(site: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(pages, "MANUAL", site)
    return site


@pytest.fixture(params=["sqlite"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The documentation needs no second database."""
    return f"sqlite:///{tmp_path / 'service.db'}"


@pytest.fixture
def reader(built: Path, app: FastAPI) -> TestClient:
    """Somebody who is not logged in."""
    return TestClient(app, raise_server_exceptions=False)


def test_no_page_has_anything_inline_or_from_elsewhere(site: Path) -> None:
    every = {path.relative_to(site): path.read_text("utf-8") for path in site.rglob("*.html")}
    assert len(every) > 30
    for pattern in (INLINE, ELSEWHERE):
        assert {str(path): found for path, text in every.items() if (found := pattern.findall(text))} == {}


def test_what_is_wrong_with_the_pages_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if not manual.can_be_built():
        pytest.skip("the group `docs` is not installed")
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "index.md").write_text("[nowhere](nowhere.md)", "utf-8")
    (tmp_path / "mkdocs.yml").write_text("site_name: test\ntheme: { name: material, font: false }\n", "utf-8")
    monkeypatch.setattr(manual, "ROOT", tmp_path)
    with pytest.raises(manual.ManualError, match=r"nowhere\.md"):
        manual.build_manual(tmp_path / "site")


@pytest.mark.parametrize(
    ("address", "kind"),
    [
        ("/docs/", "text/html"),
        ("/docs/reference/commands/", "text/html"),
        ("/docs/search/search_index.json", "application/json"),
        ("/docs/images/annotated.jpg", "image/jpeg"),
    ],
)
def test_the_service_shows_it(reader: TestClient, address: str, kind: str) -> None:
    answer = reader.get(address)
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith(kind)
    assert answer.headers["cache-control"] == "no-cache"
    assert "unsafe" not in answer.headers["content-security-policy"]


def test_its_address_without_a_slash_leads_to_it(reader: TestClient) -> None:
    assert reader.get("/docs").url.path == "/docs/"


@pytest.mark.parametrize("address", ["/docs/none/", "/docs/..%2fdist/index.html", "/docs/%2e%2e/__init__.py"])
def test_what_is_not_in_it_is_a_problem(reader: TestClient, address: str) -> None:
    answer = reader.get(address)
    assert answer.status_code == 404
    assert answer.json()["type"] == "not-found"


@pytest.fixture
def unbuilt(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(pages, "MANUAL", tmp_path / "none")
    return tmp_path / "none"


def test_without_it_one_line_says_so(unbuilt: Path, app: FastAPI) -> None:
    answer = TestClient(app).get("/docs/reference/commands/")
    assert not unbuilt.exists()
    assert answer.status_code == 503
    assert pages.NO_MANUAL in answer.text


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Running]:
    if not (pages.MANUAL / "index.html").is_file():
        pytest.skip(pages.NO_MANUAL)
    with serving(tmp_path / "data", tmp_path / "serve.log") as running:
        yield running


@pytest.mark.slow
def test_it_is_searched_and_read_in_a_browser(service: Running, browser: "Browser") -> None:
    visit = Visit(browser, service)
    visit.page.goto(f"{service.url}/docs/")
    visit.page.get_by_role("textbox", name="Search").click()
    visit.page.get_by_role("textbox", name="Search").press_sequentially("retention")
    visit.page.locator(".md-search-result__link", has_text="Review and sign").first.click()
    visit.page.get_by_role("heading", name="Review and sign").wait_for()
    assert visit.complaints == []
    assert {host.split(":")[0] for host in visit.hosts} == {"127.0.0.1"}
