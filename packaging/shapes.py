"""Write the page's types from the service's own description of itself: `make shapes` runs this script.

`src/marrowscope/web/src/api/schema.ts` then holds an interface for every shape of the OpenAPI document.
Written here and not by one of npm's generators: those need TypeScript's old compiler interface, which the
compiler that checks the page no longer has, and this way the file is compared on machines without Node, too.
A part of JSON Schema that no shape has used so far ends the script instead of giving a wrong type.
"""

import json
import tempfile
from pathlib import Path
from typing import Any

from marrowscope.service.rest.app import create_app
from marrowscope.service.settings import Settings

ROOT = Path(__file__).parents[1]
TARGET = ROOT / "src" / "marrowscope" / "web" / "src" / "api" / "schema.ts"
HEADER = "/** Every shape of the service's REST interface. Written by `make shapes`, never by hand. */\n"
_PLAIN = {
    "string": "string",
    "integer": "number",
    "number": "number",
    "boolean": "boolean",
    "null": "null",
}
# Limits of values: the service checks them, a type does not tell them.
_LIMITS = {
    *("title", "description", "default", "examples", "format", "pattern"),
    *("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"),
    *("minLength", "maxLength", "minItems", "maxItems"),
}


def main() -> None:
    """Write the file."""
    TARGET.write_text(schema_ts(), "utf-8")
    print(TARGET.relative_to(ROOT))


def schema_ts() -> str:
    """Return the file as it should be."""
    with tempfile.TemporaryDirectory() as folder:
        document = create_app(Settings(data_folder=Path(folder)), with_jobs=False).openapi()
    shapes = document["components"]["schemas"]
    return HEADER + "".join(_declared(name, shapes[name]) for name in sorted(shapes))


def typescript(schema: dict[str, Any], indent: str = "") -> str:
    """Return the TypeScript type of a JSON schema.

    Raises
    ------
    ValueError
        The schema says something that is not known here.
    """
    said = {name: value for name, value in schema.items() if name not in _LIMITS}
    kind = said.pop("type", None)
    found = "unknown" if not said and kind is None else None
    if kind == "object" and set(said) <= {"properties", "required", "additionalProperties"}:
        found = _object(said, indent)
    elif len(said) == 1:
        ((word, value),) = said.items()
        found = _of_word(word, value, indent)
    elif not said and isinstance(kind, str):
        found = _PLAIN.get(kind)
    if found is None:
        raise ValueError(f"not known here: {json.dumps(schema)}")
    return found


def _of_word(word: str, value: Any, indent: str) -> str | None:
    """Return the type of a schema that one word makes: a reference, a choice, a list."""
    if word in {"const", "enum"}:
        return " | ".join(json.dumps(each) for each in ([value] if word == "const" else value))
    if word == "$ref":
        return str(value).rsplit("/", 1)[1]
    parts = [typescript(each, indent) for each in (value if isinstance(value, list) else [value])]
    if word == "items":
        return f"({parts[0]})[]" if " | " in parts[0] else f"{parts[0]}[]"
    return {"anyOf": " | ".join(dict.fromkeys(parts)), "prefixItems": f"[{', '.join(parts)}]"}.get(word)


def _declared(name: str, schema: dict[str, Any]) -> str:
    if not name.isidentifier():
        raise ValueError(f"not a name for a type: {name}")
    kind = typescript(schema)
    declared = f"interface {name} {kind}" if kind.startswith("{\n") else f"type {name} = {kind};"
    return f"\n{_comment(schema, '')}export {declared}\n"


def _object(schema: dict[str, Any], indent: str) -> str:
    deeper = indent + "  "
    required = set(schema.get("required", ()))
    lines = []
    for name, value in schema.get("properties", {}).items():
        mark = "" if name in required else "?"
        lines.append(f"{_comment(value, deeper)}{deeper}{name}{mark}: {typescript(value, deeper)};")
    more = schema.get("additionalProperties", False)
    if more is not False:
        any_name = "unknown" if more is True else typescript(more, deeper)
        if not lines:
            return f"Record<string, {any_name}>"
        lines.append(f"{deeper}[member: string]: {any_name};")
    return "\n".join(["{", *lines, indent + "}"]) if lines else "Record<string, never>"


def _comment(schema: dict[str, Any], indent: str) -> str:
    lines = str(schema.get("description", "")).strip().splitlines()
    if not lines:
        return ""
    if len(lines) == 1:
        return f"{indent}/** {lines[0]} */\n"
    return "\n".join([f"{indent}/**", *(f"{indent} * {line}".rstrip() for line in lines), f"{indent} */", ""])


if __name__ == "__main__":
    main()
