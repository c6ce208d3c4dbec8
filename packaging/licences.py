"""Write `docs/assurance/licences.md`: every part that is installed or served, with its licence.

Run it after `make lock`.
Licences are those that the installed packages state themselves, and that npm's lock has of the page's parts.
"""

import json
import re
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "assurance" / "licences.md"
REFUSED = re.compile(r"(?<!L)(?<!Lesser )\b(A?GPL|Affero|SSPL|General Public)", re.IGNORECASE)
LESSER = re.compile(r"LGPL|Lesser General Public", re.IGNORECASE)
PLACES = {
    "package": "the package",
    "service": "the service and the container",
    "training": "training (extra `train`)",
    "tools": "development alone: not part of any release",
}
_NAMES = {
    "Apache Software License": "Apache-2.0",
    "MIT License": "MIT",
    "BSD License": "BSD",
    "ISC License (ISCL)": "ISC",
    "Python Software Foundation License": "PSF-2.0",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
}
# Stated by the package in its licence file alone.
_READ = {"torch": "BSD-3-Clause"}
HEAD = """# Licences

Every part that is installed or served, with the licence it states. marrowscope itself is Apache-2.0. A test
refuses the GPL, the AGPL and parts that state nothing in all that is released; the LGPL is accepted for
libraries that are used as they are.

<!-- Written by `python packaging/licences.py` from the lock and the installed packages. -->
"""


def main() -> None:
    """Write the page."""
    PAGE.write_text(page(), "utf-8")
    print(PAGE.relative_to(ROOT))


def page() -> str:
    """Return the page as it should be."""
    text = HEAD
    for depth, place in PLACES.items():
        text += f"\n## For {place}\n\n" + _table(python_parts(depth))
    return text + "\n## In the review page\n\n" + _table(page_parts())


def python_parts(depth: str) -> list[tuple[str, str, str]]:
    """Return name, version and licence of what is locked at a depth and installed here."""
    found = []
    lock = _lock()
    for name in lock.entries(lock.lock_of(depth).read_text("utf-8")):
        try:
            part = distribution(name)
        except PackageNotFoundError:  # of another platform or Python
            continue
        found.append((name, part.version, licence_of(name, part)))
    return found


def page_parts() -> list[tuple[str, str, str]]:
    """Return name, version and licence of what is bundled into the page."""
    lock = json.loads((ROOT / "src/marrowscope/web/package-lock.json").read_text("utf-8"))
    return [
        (path.removeprefix("node_modules/"), part["version"], part.get("license", ""))
        for path, part in sorted(lock["packages"].items())
        if path and not part.get("dev") and not part.get("optional")
    ]


def licence_of(name: str, part: Distribution) -> str:
    """Return the licence that a package states, empty if it states none."""
    about: Any = part.metadata
    if about.get("License-Expression"):
        return str(about.get("License-Expression"))
    classified = [
        line.rsplit(" :: ", 1)[1]
        for line in about.get_all("Classifier") or []
        if line.startswith("License :: ") and not line.endswith("OSI Approved")
    ]
    if classified:
        return " or ".join(sorted({_NAMES.get(each, each) for each in classified}))
    stated = str(about.get("License") or "").strip().splitlines()
    return _READ.get(name, "") or (stated[0][:60] if stated else "")


def is_refused(licence: str) -> bool:
    """Return whether a licence binds those who use a part, or is not stated. A choice counts as its best."""
    choices = re.split(r"\s+or\s+", licence, flags=re.IGNORECASE)
    return all(not each.strip() or bool(REFUSED.search(LESSER.sub("", each))) for each in choices)


def _table(parts: list[tuple[str, str, str]]) -> str:
    rows = ["| part | version | licence |", "|---|---|---|"]
    rows += [f"| {name} | {version} | {licence.replace('|', '/')} |" for name, version, licence in parts]
    return "\n".join(rows) + "\n"


def _lock() -> Any:
    spec = spec_from_file_location("marrowscope_packaging_lock_of", ROOT / "packaging" / "lock.py")
    if spec is None or spec.loader is None:
        raise RuntimeError("packaging/lock.py is missing")
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


if __name__ == "__main__":
    main()
