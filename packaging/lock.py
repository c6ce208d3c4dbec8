"""Write the lock: `make lock` runs this script after a change of pyproject.toml's dependencies.

One resolution, by uv, for every Python and platform the package supports. Its result is split over files in
`requirements/`, one per depth of the environment; a package stands in the file of the first depth that needs
it, with its version and the digests of its files. `install.txt`, pip and what builds the package, is whole in
itself: a container's build has it where the package's own environment has not. What is locked already keeps
its version, unless told: `make lock LOCK="--upgrade-package rich"`, or `LOCK=--upgrade` for everything.

pip installs from these files (`--require-hashes --no-deps`); uv only writes them. They are not a
`uv.lock` because that records at which index each file lies, and which index to ask is each machine's matter.
"""

import re
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).parents[1]
LOCKS = ROOT / "requirements"
TOOLS_OF_INSTALLING = "install"
# From the shallowest to the deepest; each with what it adds.
DEPTHS: dict[str, tuple[str, ...]] = {
    TOOLS_OF_INSTALLING: ("--group", "install"),
    "package": (str(ROOT / "pyproject.toml"),),
    "service": tuple(f"--extra={name}" for name in ("serve", "postgres", "pdf", "wsi", "dicom", "dask")),
    "tools": ("--extra", "remote", "--extra", "camera", "--group", "dev"),
    "training": ("--extra", "train"),
}
# PyTorch is chosen apart (requirements/torch.txt), and what only its CUDA builds bring comes with the build.
_WITH_TORCH = re.compile(r"(torch|triton|cuda-.*|nvidia-.*)$")
_NAME = re.compile(r"^[a-z0-9][a-z0-9.-]*")
_HEADER = (
    "# Locked: written by `make lock` (packaging/lock.py). Change pyproject.toml, never this file.\n"
    "# Holds what the depth `{depth}` adds to those before it: {before}.\n"
)


def main(options: Sequence[str]) -> int:
    """Resolve, split, write; 1 with uv's own words when there is no solution."""
    with tempfile.TemporaryDirectory() as folder:
        whole = Path(folder) / "whole.txt"
        known = {
            name: lines
            for path in map(lock_of, DEPTHS)
            if path.is_file()
            for name, lines in entries(path.read_text("utf-8")).items()
        }
        whole.write_text("".join(known.values()), "utf-8")
        torch = ("--constraints", str(LOCKS / "torch.txt"))
        everything = (*DEPTHS[TOOLS_OF_INSTALLING], *up_to("training"))
        if not _resolve(everything, (*torch, *options), whole):
            return 1
        locked = entries(whole.read_text("utf-8"))
        taken: set[str] = set()
        for depth in DEPTHS:
            part = Path(folder) / f"{depth}.txt"
            if not _resolve(up_to(depth), ("--constraints", str(whole)), part):
                return 1
            added = sorted(set(entries(part.read_text("utf-8"))) - taken)
            if depth != TOOLS_OF_INSTALLING:
                taken |= set(added)
            kept = [locked[name] for name in added if not _WITH_TORCH.match(name)]
            lock_of(depth).write_text(_header(depth) + "".join(kept), "utf-8")
            print(f"{lock_of(depth).relative_to(ROOT)}: {len(kept)} packages")
    return 0


def lock_of(depth: str) -> Path:
    """Name the file of a depth."""
    return LOCKS / f"{depth}.txt"


def before(depth: str) -> list[str]:
    """Name the depths before one, on whose files its own builds."""
    depths = [name for name in DEPTHS if name != TOOLS_OF_INSTALLING]
    return depths[: depths.index(depth)] if depth in depths else []


def up_to(depth: str) -> tuple[str, ...]:
    """Return uv's arguments for a depth and all before it."""
    return tuple(argument for name in (*before(depth), depth) for argument in DEPTHS[name])


def entries(text: str) -> dict[str, str]:
    """Split a requirements file into its entries: name to lines, digests included.

    A package that no longer supports every Python has an entry for each version, told apart by their markers.
    """
    blocks = re.split(r"\n(?=[a-z0-9])", "\n" + re.sub(r"^\s*#.*\n", "", text, flags=re.MULTILINE))
    found: dict[str, str] = {}
    for block in blocks:
        if name := _NAME.match(block):
            found[name[0]] = found.get(name[0], "") + f"{block.rstrip()}\n"
    return found


def _resolve(what: Sequence[str], how: Sequence[str], out: Path) -> bool:
    uv = Path(sys.executable).with_name("uv")
    every = ("--universal", "--generate-hashes", "--no-annotate", "--no-header", "--quiet")
    command = [str(uv), "pip", "compile", *every, *what, *how, "--output-file", str(out)]
    return subprocess.run(command, cwd=ROOT, stdout=subprocess.DEVNULL, check=False).returncode == 0


def _header(depth: str) -> str:
    return _HEADER.format(depth=depth, before=", ".join(before(depth)) or "none")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
