"""Build the documentation into the package: `make docs` runs this script, and so does the build of a wheel.

Sources are `docs/`, the pages of the repository's root, and the docstrings of the public names; `mkdocs.yml`
says how they hang together. A warning is an error: a link that leads nowhere, an anchor that is not there, a
page that no menu names.
"""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
MANUAL = ROOT / "src" / "marrowscope" / "web" / "manual"
_SECONDS = 600


class ManualError(Exception):
    """The documentation could not be built; the message holds the builder's own words."""


def can_be_built() -> bool:
    """Return whether the tools of the group `docs` are installed here, beside the sources."""
    tools = ("mkdocs", "material", "mkdocstrings_handlers")
    return (ROOT / "mkdocs.yml").is_file() and all(map(importlib.util.find_spec, tools))


def build_manual(folder: Path = MANUAL) -> None:
    """Build the documentation into a folder, in place of what it held.

    Raises
    ------
    ManualError
        Something in the pages is wrong.
    """
    # Not --quiet: what is not logged is not counted by --strict.
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(folder)]
    done = subprocess.run(
        command,
        cwd=ROOT,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},  # an advertisement of the theme's successor
        capture_output=True,
        text=True,
        timeout=_SECONDS,
        check=False,
    )
    if done.returncode != 0:
        told = [line for line in done.stderr.splitlines() if not line.startswith("INFO")]
        raise ManualError("\n".join(told).strip() or "no output")


def main() -> int:
    """Build the documentation; print where it lies, or what is wrong with it."""
    try:
        build_manual()
    except ManualError as error:
        print(f"The documentation could not be built:\n{error}", file=sys.stderr)
        return 1
    print(f"The documentation is built: {MANUAL / 'index.html'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
