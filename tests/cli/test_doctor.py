"""``doctor``, ``backup`` and ``restore``, as somebody at a terminal meets them."""

import json
import socket
import sqlite3
from pathlib import Path

import pytest
from tests.faults import fault
from typer.testing import CliRunner, Result

from marrowscope.cli.app import app
from marrowscope.cli.doctor import package
from marrowscope.errors import InferenceError

PASSWORD = "correct horse battery"


def run(*arguments: str, typed: str | None = None) -> Result:
    return CliRunner().invoke(app, list(arguments), input=typed)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    folder = tmp_path / "Frau Muster" / "data"
    made = run("users", "add", "anna.keller", "--admin", "--data", str(folder), typed=f"{PASSWORD}\n")
    assert made.exit_code == 0, made.output
    return folder


def findings(result: Result) -> dict[str, tuple[str, str]]:
    return {each["check"]: (each["state"], each["says"]) for each in json.loads(result.stdout)["findings"]}


def test_a_sound_installation_is_found_sound_and_the_report_names_nobody(data: Path, tmp_path: Path) -> None:
    report = tmp_path / "report.json"
    result = run("doctor", "--json", "--report", str(report), "--data", str(data))
    assert result.exit_code == 0, result.output
    found = findings(result)
    assert {state for state, _ in found.values()} <= {"ok", "note"}
    assert found["self-test"][1].startswith("12 of 12 drawn cells found")
    assert "1 audit entry" in found["database"][1]
    assert found["backup"] == ("note", "none was made with marrowscope backup")
    text = report.read_text("utf-8")
    assert json.loads(text) == json.loads(result.stdout)
    for secret in ("Muster", "anna", "keller", str(tmp_path), socket.gethostname()):
        assert secret not in text


def test_what_is_broken_is_found_and_the_other_checks_go_on(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken() -> None:
        raise InferenceError("the networks do not run")

    monkeypatch.setattr(package, "self_test", broken)
    monkeypatch.setenv("MARROWSCOPE_FREE_BYTES", str(1 << 60))
    monkeypatch.setenv("MARROWSCOPE_ENGINE", "elsewhere")
    taught = data / "bundles" / "taught-1"
    taught.mkdir(parents=True)
    (taught / "bundle.toml").write_text("altered", "utf-8")
    result = run("doctor", "--json", "--data", str(data))
    assert result.exit_code == 1
    assert "4 checks of" in result.stderr
    wrong = {check for check, (state, _) in findings(result).items() if state == "wrong"}
    assert wrong == {"self-test", "engine", "data folder", "networks taught here"}


def test_tables_that_are_not_made_yet_or_older_are_no_fault(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(package, "findings", lambda: iter(()))
    (tmp_path / "new").mkdir()
    new = run("doctor", "--json", "--data", str(tmp_path / "new"))
    assert findings(new)["database"] == ("note", "it has no tables yet; marrowscope serve makes them")
    assert list((tmp_path / "new").iterdir()) == []
    for version, state in (("0016", "note"), ("9999", "wrong")):
        with sqlite3.connect(data / "marrowscope.db") as connection:
            connection.execute("UPDATE alembic_version SET version_num = ?", (version,))
        connection.close()
        found = run("doctor", "--json", "--data", str(data))
        assert (findings(found)["database"][0], found.exit_code) == (state, int(state == "wrong"))


def test_a_wrong_setting_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(package, "findings", lambda: iter(()))
    monkeypatch.setenv("MARROWSCOPE_PORT", "many")
    result = run("doctor")
    assert result.exit_code == 1
    assert "WRONG  settings: setting port" in result.stdout


def test_an_installation_is_backed_up_and_restored(data: Path, tmp_path: Path) -> None:
    archive, place = str(tmp_path / "backup.tar"), str(tmp_path / "restored")
    made = run("backup", archive, "--json", "--data", str(data))
    assert made.exit_code == 0, made.output
    about = json.loads(made.stdout)
    assert (about["entries"], about["missing"]) == (1, [])
    again = run("backup", archive, "--data", str(data))
    assert (again.exit_code, "add --force" in again.stderr) == (2, True)
    assert run("backup", archive, "--force", "--data", str(data)).exit_code == 0
    assert "is whole: 0 patients" in run("restore", archive, "--check").stdout
    restored = run("restore", archive, "--data", place)
    assert restored.exit_code == 0, restored.output
    known = f"{about['entries']}:{about['head']}"
    verified = run("audit", "verify", "--known", known, "--data", place)
    assert (verified.exit_code, "2 entries" in verified.stdout) == (0, True)
    found = run("doctor", "--json", "--data", str(data))
    assert findings(found)["backup"][0] == "ok"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["backup", "FILE", "--data", "NOWHERE"], "no installation"),
        (["restore", "NOWHERE"], "there is no file"),
        (["restore", "OTHER", "--check"], "not a backup"),
    ],
)
def test_mistakes_are_told_in_one_line(tmp_path: Path, arguments: list[str], said: str) -> None:
    (tmp_path / "OTHER").write_text("something else", "utf-8")
    paths = [str(tmp_path / word) if word.isupper() else word for word in arguments]
    result = run(*paths)
    assert (result.exit_code, len(result.stderr.strip().splitlines())) == (2, 1), result.output
    assert said in result.stderr


def test_a_disk_that_is_full_is_told_in_one_line(data: Path, tmp_path: Path) -> None:
    with fault(tmp_path / "disk", 3):
        result = run("backup", str(tmp_path / "disk" / "backup.tar"), "--data", str(data))
    assert (result.exit_code, len(result.stderr.strip().splitlines())) == (1, 1), result.output
    assert "No space left on device" in result.stderr
