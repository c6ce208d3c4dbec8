"""What is released: its licences, its files for those who install it, and how a fault is reported."""

import configparser
import json
import re
import shutil
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from marrowscope.service.settings import PREFIX, Settings
from marrowscope.version import __version__
from tests.scripts import script

ROOT = Path(__file__).parents[1]
PACKAGING = ROOT / "packaging"
UNITS = PACKAGING / "systemd"
RELEASED = ("package", "service", "training")
licences = script("licences")


@pytest.mark.parametrize("depth", RELEASED)
def test_nothing_that_is_released_binds_those_who_use_it(depth: str) -> None:
    parts = licences.python_parts(depth)
    refused = [(name, licence) for name, _, licence in parts if licences.is_refused(licence)]
    assert refused == []
    assert parts or depth == "training"


def test_nothing_in_the_page_binds_those_who_use_it() -> None:
    parts = licences.page_parts()
    assert {"react", "openseadragon"} <= {name for name, _, _ in parts}
    assert [(name, licence) for name, _, licence in parts if licences.is_refused(licence)] == []


@pytest.mark.parametrize(
    ("licence", "refused"),
    [
        ("MIT", False),
        ("Apache-2.0 OR GPL-2.0-only", False),
        ("LGPL-3.0-only", False),
        ("GNU Lesser General Public License v2 or later (LGPLv2+)", False),
        ("GPL-3.0-or-later", True),
        ("AGPL-3.0", True),
        ("GNU Affero General Public License v3", True),
        ("GNU General Public License v2 (GPLv2)", True),
        ("SSPL-1.0", True),
        ("", True),
    ],
)
def test_licences_that_bind_are_told_from_others(licence: str, refused: bool) -> None:
    assert licences.is_refused(licence) is refused


def test_every_released_part_stands_on_the_page_of_licences() -> None:
    rows = set(re.findall(r"^\| (\S+) \| (\S+) \|", licences.PAGE.read_text("utf-8"), re.MULTILINE))
    parts = [part for depth in RELEASED for part in licences.python_parts(depth)] + licences.page_parts()
    missing = {(name, version) for name, version, _ in parts} - rows
    assert missing == set(), "run `python packaging/licences.py`"


def unit(name: str) -> configparser.ConfigParser:
    parser = configparser.ConfigParser(strict=False, interpolation=None)
    parser.optionxform = str  # type: ignore[assignment, method-assign]  # keys keep their case
    parser.read(UNITS / name, "utf-8")
    return parser


def test_the_unit_is_closed() -> None:
    service = unit("marrowscope.service")["Service"]
    for key in ("NoNewPrivileges", "PrivateTmp", "PrivateDevices", "ProtectHome", "RestrictNamespaces"):
        assert service[key] == "yes", key
    assert (service["ProtectSystem"], service["CapabilityBoundingSet"]) == ("strict", "")
    assert service["User"] == "marrowscope"


def test_systemd_takes_the_units(tmp_path: Path) -> None:
    tool = shutil.which("systemd-analyze")
    if tool is None:
        pytest.skip("no systemd-analyze on this machine")
    for path in UNITS.glob("marrowscope*.*"):
        text = path.read_text("utf-8").replace("/opt/marrowscope/bin/marrowscope", "/bin/true")
        (tmp_path / path.name).write_text(
            re.sub(r"^(User|Group)=.*\n", "", text, flags=re.MULTILINE), "utf-8"
        )
    units = [str(path) for path in tmp_path.iterdir() if path.suffix in {".service", ".timer"}]
    assert len(units) == 3
    checked = subprocess.run([tool, "verify", *units], capture_output=True, text=True, check=False)
    assert (checked.returncode, checked.stderr) == (0, "")


def test_the_settings_of_the_unit_are_settings() -> None:
    text = (UNITS / "marrowscope.env").read_text("utf-8")
    named = re.findall(rf"^#?{PREFIX}([A-Z_]+)=", text, re.MULTILINE)
    assert named
    assert {name.lower() for name in named} <= set(Settings.model_fields)


def test_scripts_are_shell() -> None:
    scripts = sorted(PACKAGING.glob("*.sh"))
    assert len(scripts) > 8
    for path in scripts:
        shell = "bash" if "bash" in path.read_text("utf-8").splitlines()[0] else "sh"
        checked = subprocess.run([f"/bin/{shell}", "-n", path], capture_output=True, text=True, check=False)
        assert (checked.returncode, checked.stderr) == (0, ""), path.name


def test_a_damaged_archive_is_not_installed(tmp_path: Path) -> None:
    if shutil.which("sha256sum") is None:
        pytest.skip("no sha256sum on this machine")
    shutil.copy(PACKAGING / "install.sh", tmp_path)
    (tmp_path / "SHA256SUMS").write_text(f"{'0' * 64}  ./install.sh\n", "utf-8")
    prefix = tmp_path / "installed"
    prefix.mkdir()
    (prefix / "kept").touch()
    command = ["/bin/sh", str(tmp_path / "install.sh"), "--prefix", str(prefix)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "nothing was installed" in done.stderr
    assert [path.name for path in prefix.iterdir()] == ["kept"]


def forms() -> dict[str, Any]:
    folder = ROOT / ".github" / "ISSUE_TEMPLATE"
    return {path.stem: yaml.safe_load(path.read_text("utf-8")) for path in folder.glob("*.yml")}


def test_a_bug_report_asks_for_the_doctor() -> None:
    fields = {each["id"]: each for each in forms()["bug"]["body"] if "id" in each}
    assert "marrowscope doctor --json" in fields["doctor"]["attributes"]["description"]
    assert fields["doctor"]["validations"] == {"required": True}


def test_the_citation_is_of_this_version() -> None:
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text("utf-8"))
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    assert citation["version"] == __version__
    assert citation["license"] == project["license"]
    assert json.dumps(citation["authors"]).count("name") == len(project["authors"])
    assert re.fullmatch(r"\d{4}-\d\d-\d\d", str(citation["date-released"]))


def test_figures_for_hardware_are_those_of_the_pages_they_come_from() -> None:
    page = ROOT / "docs" / "how-to" / "operate.md"
    table = page.read_text("utf-8").split("### Hardware")[1].split("### Browsers")[0]
    rows = re.findall(r"^\| [^|]+ \| (.+) \(\[[^\]]+\]\(([^#)]+)#[^)]*\)\) \|$", table, re.MULTILINE)
    assert len(rows) == 4
    for needs, link in rows:
        source = (page.parent / link).read_text("utf-8")
        figures = re.findall(r"[\d.,]*\d (?:ms|MiB)", needs)
        assert figures
        assert [figure for figure in figures if figure.split()[0] not in source] == [], link
    a_field, a_megapixel, a_cell = (float(each) for each in re.findall(r"([\d.]+) ms", rows[0][0]))
    minutes = 50 * 100 * (a_field + 5 * a_megapixel + 20 * a_cell) / 60_000
    example = "50 patients a day of 100 fields of 5 megapixels with 20 cells take"
    assert f"{example} {minutes:.0f} minutes of one core" in " ".join(table.split())


def test_the_changelog_has_the_form_it_names() -> None:
    text = (ROOT / "CHANGELOG.md").read_text("utf-8")
    releases = text.split("\n## ")[1:]
    assert releases[0].startswith("[Unreleased]")
    known = {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}
    for release in releases:
        kinds = re.findall(r"^### (.+)$", release, re.MULTILINE)
        assert len(kinds) == len(set(kinds) & known), release.split("\n")[0]
