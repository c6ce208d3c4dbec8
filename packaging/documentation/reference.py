"""Write the pages of `docs/` that say what the code says: `make docs` runs this script.

`commands.md` is what every command prints for `--help`; the tables of `errors.md` are read from the classes
of errors and from what the service answers with, wherever in the package they stand; `rest.md` and
`settings.md` are the service's (`interface.py`); the table of `datasets.md` is of the sets that are known. A
test holds that the pages are current.
"""

import ast
import contextlib
import io
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import typer

from marrowscope.cli.app import app
from marrowscope.datasets.known_sets import KnownSet, known_sets
from marrowscope.models.bundle import load_bundle

sys.path.insert(0, str(Path(__file__).parent))
from interface import rest_page, settings_page

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs" / "reference"
IMAGE_SETS = ROOT / "docs" / "assurance" / "datasets.md"
SOURCES = ROOT / "src" / "marrowscope"
WIDTH = 100
REFUSALS = range(400, 600)
ROOT_ERROR = "MarrowscopeError"
COMMANDS = """# Commands

What every command prints for `--help`. Results go to standard output, everything else to standard error; with
`--json` a result is for a program. Exit codes are in [errors](errors.md), files in [files](files.md).

<!-- Written by `make docs` from the commands themselves. -->
"""


@dataclass(frozen=True)
class ErrorClass:
    """A class of errors as its source has it."""

    name: str
    bases: tuple[str, ...]
    says: str
    own_exit_code: int | None


def main() -> None:
    """Write all pages."""
    for path, text in pages().items():
        path.write_text(text, "utf-8")
        print(path.relative_to(ROOT))


def pages() -> dict[Path, str]:
    """Return the pages as they should be."""
    return {
        DOCS / "commands.md": COMMANDS + "".join(_command_pages()),
        DOCS / "errors.md": _with_tables(
            DOCS / "errors.md", classes=_classes_table(), problems=_problems_table()
        ),
        DOCS / "rest.md": rest_page(),
        DOCS / "settings.md": settings_page(),
        IMAGE_SETS: _with_tables(IMAGE_SETS, sets=_sets_table()),
    }


def _with_tables(page: Path, **tables: str) -> str:
    """Return a page with what stands between the marks of each table replaced by it."""
    text = page.read_text("utf-8")
    for name, table in tables.items():
        mark = rf"(?<=<!-- {name}: written by `make docs` -->\n).*?(?=<!-- end of {name} -->)"
        text = re.sub(mark, table.replace("\\", r"\\"), text, flags=re.DOTALL)
    return text


def commands(command: Any, *words: str) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Walk over a command and all below it, each with the words that call it."""
    yield words, command
    for name, below in getattr(command, "commands", {}).items():
        yield from commands(below, *words, name)


def _command_pages() -> Iterator[str]:
    whole = typer.main.get_command(app)
    for _, command in commands(whole):
        command.rich_markup_mode = None  # plain text, no frames
    for words, _ in commands(whole):
        said = io.StringIO()
        with contextlib.redirect_stdout(said):
            whole.main(
                [*words, "--help"], prog_name="marrowscope", standalone_mode=False, terminal_width=WIDTH
            )
        lines = "\n".join(line.rstrip() for line in said.getvalue().strip().splitlines())
        yield f"\n## {' '.join(('marrowscope', *words))}\n\n```text\n{lines}\n```\n"


def error_classes() -> dict[str, ErrorClass]:
    """Find all classes of errors raised on purpose, each after the one it is a kind of."""
    found = {
        node.name: ErrorClass(
            node.name,
            tuple(base.id for base in node.bases if isinstance(base, ast.Name)),
            (ast.get_docstring(node) or "").split("\n\n")[0].replace("\n", " "),
            _exit_code(node),
        )
        for node in _nodes()
        if isinstance(node, ast.ClassDef)
    }
    order: list[str] = []
    _append_kinds(ROOT_ERROR, found, order)
    return {name: found[name] for name in order}


def exit_code(name: str, classes: dict[str, ErrorClass]) -> int:
    """Return the exit code of a class: its own, or that of the class it is a kind of."""
    kind = classes[name]
    return kind.own_exit_code if kind.own_exit_code is not None else exit_code(kind.bases[0], classes)


def problems_of_classes() -> dict[str, tuple[int, str, str]]:
    """Find status, type and title by class of error: the table from classes to problems."""
    known = error_classes()
    return {
        key.id: (status, kind, title)
        for node in _nodes()
        if isinstance(node, ast.Dict)
        for key, value in zip(node.keys, node.values, strict=True)
        if isinstance(key, ast.Name) and key.id in known
        for status, kind, title in [_constants(value, 3)]
        if kind is not None
    }


def problem_types() -> dict[tuple[int, str], str]:
    """Find every status and type of problem the service answers with, and its title."""
    found = {(status, kind): title for status, kind, title in problems_of_classes().values()}
    for node in _nodes():
        if isinstance(node, ast.Dict):
            for key, value in zip(node.keys, node.values, strict=True):
                kind, title = _constants(value, 2)
                if (
                    isinstance(key, ast.Constant)
                    and isinstance(key.value, int)
                    and key.value in REFUSALS
                    and kind is not None
                ):
                    found[key.value, kind] = title
        elif isinstance(node, ast.Call) and getattr(node.func, "id", "") == "problem":
            status, kind, title = _constants(ast.Tuple(node.args[1:4]), 3)
            if kind is not None:
                found[status, kind] = title
    return dict(sorted(found.items()))


def _classes_table() -> str:
    classes, problems = error_classes(), problems_of_classes()
    rows = ["| class | a kind of | raised when | exit code | HTTP |", "|---|---|---|---|---|"]
    for name, kind in classes.items():
        status, slug, _ = next(problems[each] for each in _ancestry(name, classes) if each in problems)
        above = f"`{kind.bases[0]}`" if name != ROOT_ERROR else ""
        says = kind.says.rstrip(".")
        rows.append(f"| `{name}` | {above} | {says} | {exit_code(name, classes)} | {status} `{slug}` |")
    return "\n".join(rows) + "\n"


def _problems_table() -> str:
    rows = ["| status | `type` | `title` |", "|---|---|---|"]
    rows += [f"| {status} | `{kind}` | {title} |" for (status, kind), title in problem_types().items()]
    return "\n".join(rows) + "\n"


def _sets_table() -> str:
    taught = set(load_bundle().trained_on)
    rows = ["| set | what | licence | built-in networks | citation |", "|---|---|---|---|---|"]
    rows += [
        f"| `{each.id}` | {each.title}{_note(each)} | {_licence(each)} | "
        f"{'taught' if each.id in taught else 'not taught'} | {_citation(each)} |"
        for each in known_sets().values()
    ]
    return "\n".join(rows) + "\n"


def _note(each: KnownSet) -> str:
    return f". *{each.note[0].upper()}{each.note[1:]}*" if each.note else ""


def _licence(each: KnownSet) -> str:
    return each.licence if each.licence_checked else f"{each.licence} (remembered)"


def _citation(each: KnownSet) -> str:
    where = f"doi {each.doi}" if each.doi else each.origin
    return "; ".join(part for part in (each.citation, where) if part) or "none known"


def _ancestry(name: str, classes: dict[str, ErrorClass]) -> Iterator[str]:
    while name in classes:
        yield name
        name = classes[name].bases[0]


def _append_kinds(name: str, found: dict[str, ErrorClass], order: list[str]) -> None:
    order.append(name)
    for each in found.values():
        if name in each.bases:
            _append_kinds(each.name, found, order)


def _exit_code(node: ast.ClassDef) -> int | None:
    for line in node.body:
        if isinstance(line, ast.Assign) and [getattr(t, "id", "") for t in line.targets] == ["exit_code"]:
            return int(ast.literal_eval(line.value))
    return None


def _constants(node: ast.expr, number: int) -> tuple[Any, ...]:
    """Return the constants of a tuple of so many, Nones for anything else."""
    parts = node.elts if isinstance(node, ast.Tuple) else []
    values = [part.value for part in parts if isinstance(part, ast.Constant)]
    return tuple(values) if len(values) == len(parts) == number else (None,) * number


def _nodes() -> Iterator[ast.AST]:
    for path in sorted(SOURCES.rglob("*.py")):
        if "node_modules" not in path.parts:
            yield from ast.walk(ast.parse(path.read_text("utf-8")))


if __name__ == "__main__":
    main()
