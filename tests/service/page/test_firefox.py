"""The main path of the review page in a second browser engine."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.service.browser import PASSWORD, Running, draw_smear
from tests.service.page.firefox import Fox, running

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(600),
    # Marionette leaves the socket open with which it waits for the browser.
    pytest.mark.filterwarnings(
        "ignore:Exception ignored in. <socket:pytest.PytestUnraisableExceptionWarning"
    ),
]
PATIENT = "BM-26-0600"


@pytest.fixture
def fox(tmp_path: Path) -> Iterator[Fox]:
    """The machine's Firefox; the test is skipped without one."""
    with running(tmp_path) as started:
        yield started


def test_a_case_from_log_in_to_the_downloaded_report(fox: Fox, page_service: Running, tmp_path: Path) -> None:
    try:
        _go_through(fox, page_service.url, tmp_path)
    except Exception:
        fox.picture(tmp_path / "failure.png")
        raise


def _go_through(fox: Fox, url: str, folder: Path) -> None:
    fox.go(url)
    fox.type("input[name=username]", "vera")
    fox.type("input[name=password]", PASSWORD)
    fox.button("Log in")

    fox.button("Add images")
    fox.give("[data-testid=files]", draw_smear(folder / PATIENT, 31, 0.3, 40, 2))
    fox.type("dialog input[maxlength='120']", PATIENT)
    fox.button("Upload", "dialog")
    fox.button(PATIENT, "td")
    fox.until(lambda: fox.all(".tile .picture"))
    fox.button("Sign", ".patient-head")  # once all fields are read
    fox.button("Cancel", "dialog")

    fox.until(lambda: fox.all("[data-testid=gallery][aria-busy=false] .tile .picture"))
    monocytes = int(fox.text("[data-bin=monocyte] .count"))
    key = fox.text("[data-bin=monocyte] kbd")
    fox.until(lambda: fox.all("[data-testid=gallery]:focus"))
    fox.one("[data-bin=blast]").click()
    fox.press(key, key, key)
    fox.until(lambda: int(fox.text("[data-bin=monocyte] .count")) == monocytes + 3)
    fox.says("3 reviewed")

    fox.button("Sign", ".patient-head")
    fox.one("dialog fieldset input[type=checkbox]").click()
    fox.type("dialog fieldset input:not([type=checkbox])", "A test of the page")
    fox.type("dialog input[type=password]", PASSWORD)
    fox.button("Sign", "dialog")
    fox.says("Signed version 1")

    fox.button("Export", ".patient-head")
    fox.button("All cells (CSV)", ".patient-head")
    table = fox.downloaded(f"{PATIENT}_v1*.csv").decode()
    assert table.count(",monocyte\n") >= 3
    assert fox.complaints(url) == []
