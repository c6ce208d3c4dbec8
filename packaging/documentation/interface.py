"""The pages of `docs/reference/` that say what the service's code says: REST interface and settings."""

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic_core import PydanticUndefined

from marrowscope.service.rest.app import create_app
from marrowscope.service.settings import MEBIBYTE, PREFIX, Settings

API = "/api/v1"
REST_PAGE = """# REST interface

Every address of the service, as its own description has it: `/openapi.json`, in the form of OpenAPI 3.1,
from which a client can be generated. All of them are below `/api/v1`, but for those of *Health*. How to log
in, to upload and to wait for an analysis: [connect other programs](../how-to/integrate.md). Refusals:
[errors](errors.md#problems-of-the-service).

<!-- Written by `make docs` from the service itself. -->
"""
SETTINGS_PAGE = """# Settings

Settings of the service are environment variables; `marrowscope serve --help` names those that are options,
too. They are checked when the service starts: a value that cannot be is refused in one line. What belongs
together, and why one would change it: [run the service](../how-to/service.md#settings). A value of several
parts is JSON, such as `MARROWSCOPE_OIDC_ROLES='{"hematology": "reviewer"}'`.

<!-- Written by `make docs` from the settings themselves. -->

| variable | default | meaning |
|---|---|---|
"""


def rest_page() -> str:
    """Return the page of the REST interface: a table for each tag, in the order of the routers."""
    tables: dict[str, list[str]] = {}
    for tag, row in _operations():
        tables.setdefault(tag, []).append(row)
    head = "| request | what it does | query |\n|---|---|---|\n"
    return REST_PAGE + "".join(
        f"\n## {tag.capitalize()}\n\n{head}{''.join(rows)}" for tag, rows in tables.items()
    )


def settings_page() -> str:
    """Return the page of settings: names, defaults and meanings as the class has them."""
    rows = [
        f"| `{PREFIX}{name.upper()}` | {_default(field)} | {_line(field.description or '')} |\n"
        for name, field in Settings.model_fields.items()
    ]
    return SETTINGS_PAGE + "".join(rows)


def _operations() -> Iterator[tuple[str, str]]:
    with tempfile.TemporaryDirectory() as folder:
        app = create_app(Settings(data_folder=Path(folder)), with_jobs=False)
        described = app.openapi()
        app.state.service.database.close()
    for path, item in described["paths"].items():
        for method, operation in item.items():
            says = operation.get("description", operation["summary"]).split("\n\n")[0]
            parameters = operation.get("parameters", ())
            query = ", ".join(f"`{each['name']}`" for each in parameters if each["in"] == "query")
            row = f"| `{method.upper()} {path.removeprefix(API)}` | {_line(says)} | {query} |\n"
            yield operation["tags"][0], row


def _default(field: Any) -> str:
    default = field.get_default(call_default_factory=True)
    if default in (None, PydanticUndefined, "", (), {}):
        return "none"
    mebibytes, rest = divmod(default, MEBIBYTE) if type(default) is int else (0, 0)
    return f"`{default}` ({mebibytes:,} MiB)" if mebibytes and not rest else f"`{default}`"


def _line(text: str) -> str:
    return " ".join(text.split()).replace("``", "`").replace("|", "\\|").rstrip(".")
