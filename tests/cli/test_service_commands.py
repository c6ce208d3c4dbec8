"""``serve``, ``users`` and ``audit``, as somebody at a terminal meets them."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import httpx2
import pytest
from typer.testing import CliRunner, Result

from marrowscope.cli.app import app
from marrowscope.service.rest import pages
from marrowscope.service.settings import Settings
from marrowscope.service.store.engine import Database
from marrowscope.service.store.schema import bring_up_to_date

PASSWORD = "correct horse battery"


def run(*arguments: str, typed: str | None = None) -> Result:
    return CliRunner().invoke(app, list(arguments), input=typed)


@pytest.fixture
def data(tmp_path: Path) -> str:
    return str(tmp_path / "data")


def test_the_first_administrator_is_made_by_command_with_a_password_from_standard_input(data: str) -> None:
    made = run(
        "users", "add", "Anna", "--name", "Anna Keller", "--admin", "--data", data, typed=f"{PASSWORD}\n"
    )
    assert made.exit_code == 0, made.output
    listed = json.loads(run("users", "list", "--json", "--data", data).stdout)
    assert listed == [{"username": "anna", "name": "Anna Keller", "role": "admin", "active": True}]
    files = b"".join(each.read_bytes() for each in Path(data).rglob("*") if each.is_file())
    assert PASSWORD.encode() not in files


def test_users_are_changed_by_command(data: str) -> None:
    for name, more in (("anna", ["--admin"]), ("rita", [])):
        assert run("users", "add", name, *more, "--data", data, typed=f"{PASSWORD}\n").exit_code == 0
    assert run("users", "change", "rita", "--role", "viewer", "--inactive", "--data", data).exit_code == 0
    assert "rita  viewer  inactive" in run("users", "list", "--data", data).stdout
    assert run("users", "password", "anna", "--data", data, typed="another password\n").exit_code == 0


@pytest.mark.parametrize(
    ("arguments", "typed", "said"),
    [
        (["users", "add", "anna", "--admin"], "short\n", "10 to 1000 characters"),
        (["users", "add", "anna", "--admin"], "", "10 to 1000 characters"),
        (["users", "add", "an na"], f"{PASSWORD}\n", "user name"),
        (["users", "add", "anna", "--role", "king"], f"{PASSWORD}\n", "no role king"),
        (["users", "add", "anna", "--role", "viewer", "--admin"], f"{PASSWORD}\n", "contradict"),
        (["users", "list"], None, "no installation"),
        (["audit", "verify"], None, "no installation"),
        (["audit", "verify", "--known", "12"], None, "NUMBER:DIGEST"),
        (["serve", "--host", "0.0.0.0", "--authentication", "off"], None, "loopback"),
        (["serve", "--authentication", "maybe"], None, "authentication"),
        (["serve", "--database", "mysql://host/name"], None, "SQLite or PostgreSQL"),
    ],
)
def test_mistakes_are_told_in_one_line(data: str, arguments: list[str], typed: str | None, said: str) -> None:
    result = run(*arguments, "--data", data, typed=typed)
    assert result.exit_code == 2, result.output
    assert said in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1


def test_a_data_folder_that_cannot_be_used_is_told_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("a file", encoding="utf-8")
    result = run("serve", "--port", "0", "--data", str(tmp_path / "taken"))
    assert result.exit_code == 2, result.output
    assert "cannot be written to" in result.stderr
    assert "--data" in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1


def test_the_audit_trail_is_verified_and_exported(data: str, tmp_path: Path) -> None:
    run("users", "add", "anna", "--admin", "--data", data, typed=f"{PASSWORD}\n")
    verified = run("audit", "verify", "--data", data)
    assert verified.exit_code == 0
    noted = verified.stdout.splitlines()[-1]
    assert run("audit", "verify", "--known", noted, "--data", data).exit_code == 0
    assert run("audit", "export", "-o", str(tmp_path / "audit.jsonl"), "--data", data).exit_code == 0
    entry = json.loads((tmp_path / "audit.jsonl").read_text())
    assert (entry["action"], entry["after"]["username"], entry["actor"]) == ("user.add", "anna", "system")
    database = Database(Settings(data_folder=Path(data)).database_url)
    with database.changing() as connection:
        connection.exec_driver_sql("DROP TRIGGER audit_entries_update")
        connection.exec_driver_sql("UPDATE audit_entries SET actor = 'somebody'")
    database.close()
    found = run("audit", "verify", "--data", data)
    assert found.exit_code == 1
    assert "entry 1 was altered" in found.stderr
    assert json.loads(run("audit", "verify", "--json", "--data", data).stdout)["whole"] is False


def test_the_trail_is_sealed_anew_after_its_seals_are_gone(data: str) -> None:
    run("users", "add", "anna", "--admin", "--data", data, typed=f"{PASSWORD}\n")
    shutil.rmtree(Path(data) / "seals")
    lost = run("audit", "verify", "--data", data)
    assert lost.exit_code == 1
    assert "the seals of entries 1 to 1 are missing" in lost.stderr
    assert run("audit", "seal", "--reason", " ", "--data", data).exit_code == 2
    assert run("audit", "seal", "--reason", "backup restored", "--data", data).exit_code == 0
    found = run("audit", "verify", "--data", data)
    assert found.exit_code == 0
    assert "1 entry at the beginning is older than the seals" in found.stderr
    assert json.loads(run("audit", "verify", "--json", "--data", data).stdout)["unsealed"] == 1


def test_a_server_starts_answers_and_stops(data: str) -> None:
    command = [sys.executable, "-m", "marrowscope", "serve", "--port", "0", "--data", data]
    environment = {**os.environ, "MARROWSCOPE_WORKERS": "1"}
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environment) as server:
        assert server.stderr is not None
        try:
            address = re.search(r"http://\S+", server.stderr.readline())
            assert address is not None
            message = server.stderr.readline()
            if message.strip() == pages.NOT_BUILT:
                message = server.stderr.readline()
            assert "There are no accounts yet" in message
            health = httpx2.get(f"{address[0]}/healthz", timeout=60)
            assert health.json() == {"status": "ok"}
            assert httpx2.get(f"{address[0]}/readyz", timeout=60).status_code == 200
            assert "server" not in health.headers
            asked = httpx2.get(f"{address[0]}/api/v1/patients?search=Keller", timeout=60)
            assert asked.status_code == 401
        finally:
            server.send_signal(signal.SIGINT)
            try:
                _, log = server.communicate(timeout=60)
            except subprocess.TimeoutExpired:
                server.kill()
                raise
        assert server.wait(30) in {0, 130, -signal.SIGINT}
    assert '"route": "/api/v1/patients"' in log or '"route": "/patients"' in log
    assert asked.headers["x-request-id"] in log
    assert "Keller" not in log
    assert "Traceback" not in log


@pytest.mark.parametrize("more", [[], ["--json"]])
def test_a_folder_without_an_audit_trail_is_told_in_one_line(tmp_path: Path, more: list[str]) -> None:
    """Nothing that was never written can be whole: who names the wrong folder learns of it."""
    empty, unused = tmp_path / "empty", tmp_path / "unused"
    empty.mkdir()
    database = Database(Settings(data_folder=unused).database_url)
    bring_up_to_date(database)
    database.close()
    for folder, said in ((empty, "there is no installation in"), (unused, "there is no audit trail")):
        result = run("audit", "verify", *more, "--data", str(folder))
        assert (result.exit_code, result.stdout) == (2, "")
        assert said in result.stderr
        assert len(result.stderr.strip().splitlines()) == 1
    assert not list(empty.iterdir())


def test_several_at_once_make_one_database(data: str) -> None:
    names = ["anna", "rita", "vera"]
    command = [sys.executable, "-m", "marrowscope", "users", "add"]
    started = [
        subprocess.Popen([*command, name, "--data", data], stdin=subprocess.PIPE, text=True) for name in names
    ]
    for process in started:
        process.communicate(f"{PASSWORD}\n", timeout=120)
    assert [process.returncode for process in started] == [0, 0, 0]
    listed = json.loads(run("users", "list", "--json", "--data", data).stdout)
    assert [user["username"] for user in listed] == names
    assert run("audit", "verify", "--data", data).exit_code == 0
