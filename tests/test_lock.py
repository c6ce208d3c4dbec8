"""The lock and the dependencies it was written from agree, and the lock names no place."""

import re
import tomllib
from importlib.metadata import PackageNotFoundError, requires
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.scripts import script

ROOT = Path(__file__).parents[1]
lock = script("lock")
APART = ("lock", "hooks", "sbom", "audit")  # groups that are installed on demand, and newest
TORCH = ROOT / "requirements" / "torch.txt"


def locked(*depths: str) -> dict[str, str]:
    """Give the lines of every package locked at some depths, all by default, by name."""
    found: dict[str, str] = {}
    for depth in depths or lock.DEPTHS:
        for name, lines in lock.entries(lock.lock_of(depth).read_text("utf-8")).items():
            assert found.setdefault(name, lines) == lines, f"{name} is locked at two versions"
    return found


def asked_for() -> dict[str, list[Requirement]]:
    """Give what pyproject.toml asks for, by extra or group, PyTorch aside."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    lists: dict[str, list[Any]] = {
        "build": project["build-system"]["requires"],
        "package": project["project"]["dependencies"],
        **project["project"]["optional-dependencies"],
        **{name: group for name, group in project["dependency-groups"].items() if name not in APART},
    }
    return {
        name: [Requirement(line) for line in lines if isinstance(line, str) and not line.startswith("torch")]
        for name, lines in lists.items()
    }


@pytest.mark.parametrize("name", asked_for())
def test_what_is_asked_for_is_locked_at_a_version_that_serves(name: str) -> None:
    versions = {package: lines.split("==")[1].split()[0] for package, lines in locked().items()}
    for wanted in asked_for()[name]:
        package = canonicalize_name(wanted.name)
        assert package in versions, f"{package} is not locked: run `make lock`"
        assert versions[package] in wanted.specifier, f"{package} {versions[package]}: run `make lock`"


def versions_of(lines: str) -> list[str]:
    """Split a package's lines into its versions: mostly one, more where it dropped an older Python."""
    return re.split(r"\n(?=[a-z0-9])", lines.replace("\\\n", "\n").strip("\n"))


def test_every_locked_file_is_told_by_its_digest() -> None:
    packages = locked()
    assert len(packages) > 100
    for version in [version for lines in packages.values() for version in versions_of(lines)]:
        first, *digests = version.split("\n")
        assert re.match(r"[a-z0-9.-]+==\S+", first)
        assert digests
        assert all(re.fullmatch(r"\s+--hash=sha256:[0-9a-f]{64}\s*", digest) for digest in digests)


@pytest.mark.parametrize("python", ["3.11", "3.12", "3.13"])
def test_what_is_asked_for_is_there_for_every_python(python: str) -> None:
    asked = {canonicalize_name(r.name) for group in asked_for().values() for r in group if r.marker is None}
    on_python = {"python_full_version": f"{python}.0", "python_version": python}
    for name, lines in locked().items():
        entries = [Requirement(version.split("\n")[0].strip(" \\")) for version in versions_of(lines)]
        serving = [each for each in entries if each.marker is None or each.marker.evaluate(on_python)]
        assert len(serving) <= 1, f"{name} twice on Python {python}"
        assert serving or name not in asked, f"{name} is not locked for Python {python}"


@pytest.mark.parametrize("depths", [("install",), ("package",), ("package", "service")])
def test_what_is_installed_alone_is_locked_whole(depths: tuple[str, ...]) -> None:
    """Without resolving anything: what the locked packages need, by their own word, is locked there, too."""
    packages = locked(*depths)
    missing = {
        f"{name} needs {needed.name}"
        for name in packages
        for needed in needs(name)
        if canonicalize_name(needed.name) not in packages
    }
    assert not missing


def needs(name: str) -> list[Requirement]:
    """Give what a package needs on this machine, if it is installed here."""
    try:
        lines = requires(name) or []
    except PackageNotFoundError:  # for another platform or Python
        return []
    wanted = [Requirement(line) for line in lines]
    return [need for need in wanted if need.marker is None or need.marker.evaluate({"extra": ""})]


def test_pytorch_is_chosen_apart() -> None:
    assert not {"torch", "triton"} & set(locked())
    (line,) = [line for line in TORCH.read_text("utf-8").splitlines() if not line.startswith("#")]
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["optional-dependencies"]
    (wanted,) = [line for line in extras["train"] if line.startswith("torch")]
    assert line.removeprefix("torch==") in Requirement(wanted).specifier


def test_no_file_says_where_packages_lie() -> None:
    places = re.compile(r"://|file:|--index-url|--extra-index-url|--find-links| @ ")
    assert not [
        path.name for path in (ROOT / "requirements").iterdir() if places.search(path.read_text("utf-8"))
    ]
