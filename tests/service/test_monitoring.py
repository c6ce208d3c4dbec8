"""What /metrics serves, and that dashboard and alert rules ask for nothing else."""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from fastapi import FastAPI
from fastapi.testclient import TestClient
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import update
from tests.service.analyses.test_analyses import ask, ended
from tests.service.drawn import Drawn
from tests.service.uploaded import new_patient, png, send

from marrowscope.service.clock import now
from marrowscope.service.settings import Settings
from marrowscope.service.store.claims import QUEUED
from marrowscope.service.store.tables.analyses import Analysis, LiveSession

ROOT = Path(__file__).parents[2]
MONITORING = ROOT / "packaging" / "monitoring"


def served(client: TestClient) -> dict[str, float]:
    """Every sample as ``name{label=value,...}`` with its value."""
    found = {}
    for family in text_string_to_metric_families(client.get("/metrics").text):
        for sample in family.samples:
            labels = ",".join(f"{key}={value}" for key, value in sample.labels.items())
            found[f"{sample.name}{{{labels}}}" if labels else sample.name] = sample.value
    return found


def names(client: TestClient) -> set[str]:
    """Names of all samples that may be served, also of those that have none yet."""
    found = set()
    for line in client.get("/metrics").text.splitlines():
        if kind := re.match(r"# TYPE (\S+) (\S+)", line):
            ends = ("_bucket", "_sum", "_count") if kind[2] == "histogram" else ("",)
            found |= {kind[1] + end for end in ends}
    return found


def expressions() -> Iterator[str]:
    rules = yaml.safe_load((MONITORING / "alerts.yaml").read_text("utf-8"))
    for group in rules["groups"]:
        yield from (rule["expr"] for rule in group["rules"])
    dashboard = json.loads((MONITORING / "grafana-dashboard.json").read_text("utf-8"))
    for panel in dashboard["panels"]:
        yield from (target["expr"] for target in panel["targets"])


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_rules_and_dashboard_ask_for_what_is_served(client: TestClient) -> None:
    asked_for = {name for text in expressions() for name in re.findall(r"\bmarrowscope_\w+", text)}
    assert len(asked_for) > 10
    assert asked_for <= names(client)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_every_metric_is_explained(client: TestClient) -> None:
    page = (ROOT / "docs" / "how-to" / "operate.md").read_text("utf-8")
    explained = set(re.findall(r"\| `(marrowscope_\w+)", page))
    families = {re.sub(r"_(bucket|sum|count)$", "", name) for name in names(client)}
    assert explained == {name for name in families if not name.endswith("_created")}


def test_prometheus_takes_the_rules() -> None:
    tool = shutil.which("promtool")
    if tool is None:
        pytest.skip("no promtool on this machine (Debian: apt install prometheus)")
    command = [tool, "check", "rules", str(MONITORING / "alerts.yaml")]
    checked = subprocess.run(command, capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_the_age_of_the_queue_is_that_of_its_oldest_analysis(
    app: FastAPI, client: TestClient, drawn: Drawn, settings: Settings
) -> None:
    assert served(client)["marrowscope_queue_oldest_seconds"] == 0
    with app.state.service.database.writing() as session:
        earlier = {"status": QUEUED, "created_at": now() - timedelta(hours=2)}
        session.execute(update(Analysis).where(Analysis.id == drawn.analysis).values(earlier))
    found = served(client)
    assert found["marrowscope_queue_oldest_seconds"] >= 7200
    assert found["marrowscope_disk_free_bytes"] > 0
    assert found["marrowscope_disk_needed_bytes"] == settings.free_bytes
    assert found["marrowscope_last_backup_seconds"] == 0
    with app.state.service.database.writing() as session:  # it was a session that was open for two hours
        session.add(LiveSession(analysis_id=drawn.analysis))
        session.execute(update(Analysis).where(Analysis.id == drawn.analysis).values(changed_at=now()))
    assert served(client)["marrowscope_queue_oldest_seconds"] < 3600


def counted(before: dict[str, float], after: dict[str, float], name: str) -> float:
    return sum(after[key] - before.get(key, 0) for key in after if key.startswith(name))


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize("with_jobs", [True])
def test_fields_and_cells_are_counted_as_they_are_read(client: TestClient, reviewer: TestClient) -> None:
    before: dict[str, Any] = served(client)
    assert counted({}, before, "marrowscope_cells_total") == 0
    patient = new_patient(reviewer)
    send(reviewer, patient, ("a.png", png(1)), ("b.png", png(2)))
    analysis = ended(reviewer, ask(reviewer, patient)["id"])
    assert analysis["cells"] > 0
    after = served(client)
    assert after["marrowscope_fields_total{outcome=read}"] == analysis["done"]
    assert counted(before, after, "marrowscope_cells_total") == analysis["cells"]
