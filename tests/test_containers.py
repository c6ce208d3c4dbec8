"""Compose files and Kubernetes manifests are what their schemas say, and closed where they should be."""

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import compose_spec
import kubernetes_validate
import pytest
import yaml

from marrowscope.service.settings import PREFIX, unknown_variables

ROOT = Path(__file__).parents[1]
COMPOSE = ("compose.yaml", "compose.single.yaml")
MANIFESTS = ROOT / "packaging" / "kubernetes"
CLUSTER = ROOT / "packaging" / "cluster"
DASK = CLUSTER / "dask.yaml"


@cache
def compose(name: str) -> dict[str, Any]:
    text = re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", (ROOT / name).read_text("utf-8"))  # without an environment
    found = yaml.safe_load(text)
    assert isinstance(found, dict)
    return found


def check(document: dict[str, Any]) -> None:
    compose_spec.PyCompose.from_json(json.dumps(document)).validate()


@pytest.mark.parametrize("name", COMPOSE)
def test_a_compose_file_is_one(name: str) -> None:
    check(compose(name))


def test_a_faulty_compose_file_is_told() -> None:
    faulty = json.loads(json.dumps(compose("compose.yaml")))
    faulty["services"]["worker"]["healthcheque"] = {}
    with pytest.raises(ValueError, match="healthcheque"):
        check(faulty)


@pytest.mark.parametrize("name", COMPOSE)
def test_only_the_service_is_reached_and_from_this_machine_alone(name: str) -> None:
    ports = {service: each["ports"] for service, each in compose(name)["services"].items() if "ports" in each}
    assert ports == {"marrowscope": ["127.0.0.1:8000:8000"]}


@pytest.mark.parametrize("name", COMPOSE)
def test_every_container_is_limited_closed_and_watched(name: str) -> None:
    for service, each in compose(name)["services"].items():
        assert each["deploy"]["resources"]["limits"].keys() == {"cpus", "memory"}, service
        assert each["cap_drop"] == ["ALL"], service
        assert each["security_opt"] == ["no-new-privileges:true"], service
        assert each["healthcheck"]["test"][0] == "CMD", service
        assert each.get("read_only", service == "database"), service


def test_the_database_and_the_cluster_have_no_way_out() -> None:
    document = compose("compose.yaml")
    assert document["networks"]["inside"] == {"internal": True}
    for service in ("database", "scheduler", "worker"):
        assert document["services"][service]["networks"] == ["inside"]


def settings_named() -> set[str]:
    """Every variable of the service that a compose file or a manifest sets."""
    texts = [(ROOT / name).read_text("utf-8") for name in COMPOSE]
    texts += [path.read_text("utf-8") for path in MANIFESTS.glob("*.yaml")]
    return {name for text in texts for name in re.findall(rf"^\s+({PREFIX}[A-Z_]+):", text, re.MULTILINE)}


def test_the_settings_they_set_are_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith(PREFIX):
            monkeypatch.delenv(name)
    assert len(settings_named()) > 5
    for name in settings_named():
        monkeypatch.setenv(name, "1")
    assert unknown_variables() == []


def test_secrets_are_made_once(tmp_path: Path) -> None:
    (tmp_path / "packaging").mkdir()
    copy = shutil.copy(ROOT / "packaging" / "compose-secrets.sh", tmp_path / "packaging")
    subprocess.run([copy], check=True, capture_output=True)
    made = {path.name: path.read_text("utf-8") for path in (tmp_path / "secrets").iterdir()}
    assert len(made["database_password"]) == 48
    assert made["database"] == f"postgresql://marrowscope:{made['database_password']}@database/marrowscope"
    subprocess.run([copy], check=True, capture_output=True)
    assert {path.name: path.read_text("utf-8") for path in (tmp_path / "secrets").iterdir()} == made
    named = {Path(each["file"]).name for each in compose("compose.yaml")["secrets"].values()}
    assert named == set(made)


def manifests() -> list[dict[str, Any]]:
    paths = [*MANIFESTS.glob("*.yaml"), *CLUSTER.glob("*.yaml")]
    documents = [each for path in paths for each in yaml.safe_load_all(path.read_text("utf-8"))]
    return [each for each in documents if each.get("kind", "Kustomization") != "Kustomization"]


def test_every_manifest_is_what_kubernetes_takes() -> None:
    found = manifests()
    assert len(found) > 10
    for document in found:
        kubernetes_validate.validate(document, kubernetes_validate.latest_version(), strict=True)


def test_the_settings_of_dask_are_settings() -> None:
    pytest.importorskip("distributed", reason="it adds its settings to Dask's")
    config = pytest.importorskip("dask.config")

    def unknown(given: dict[str, Any], known: dict[str, Any]) -> Iterator[str]:
        for name, value in given.items():
            if name not in known:
                yield name
            elif isinstance(value, dict):
                yield from unknown(value, known[name])

    given = yaml.safe_load(DASK.read_text("utf-8"))
    assert list(unknown(given, config.merge(*config.defaults))) == []
    assert given["distributed"]["worker"]["daemon"] is False


def test_kustomize_finds_every_manifest() -> None:
    listed = yaml.safe_load((MANIFESTS / "kustomization.yaml").read_text("utf-8"))["resources"]
    assert {*listed, "kustomization.yaml"} == {path.name for path in MANIFESTS.glob("*.yaml")}
    kubectl = shutil.which("kubectl")
    if kubectl is None:
        pytest.skip("no kubectl on this machine")
    command = [kubectl, "kustomize", str(MANIFESTS)]
    built = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    documents = list(yaml.safe_load_all(built))
    assert {each["metadata"].get("namespace", "") for each in documents} == {"", "marrowscope"}
    for document in documents:
        kubernetes_validate.validate(document, kubernetes_validate.latest_version(), strict=True)


def test_pods_are_closed() -> None:
    pods = [
        each["spec"]["template"]["spec"]
        for each in manifests()
        if each["kind"] in {"Deployment", "StatefulSet"}
    ]
    assert len(pods) == 4
    for pod in pods:
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert pod["automountServiceAccountToken"] is False
        for container in pod["containers"]:
            assert container["securityContext"]["allowPrivilegeEscalation"] is False
            assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
            assert "memory" in container["resources"]["limits"]
