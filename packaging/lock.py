"""Write the lock: `make lock` runs this script after a change of pyproject.toml's dependencies.

One resolution, by uv, for every Python and platform the package supports. Its result is split over files in
`requirements/`, one per depth of the environment; a package stands in the file of the first depth that needs
it, with its version and the digests of its files, and nowhere else. What is locked already keeps its version,
unless told: `make lock LOCK="--upgrade-package rich"`, or `LOCK=--upgrade` for everything.

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
# From the shallowest to the deepest; each with what it adds.
DEPTHS: dict[str, tuple[str, ...]] = {
    "install": ("--group", "install"),
    "package": (str(ROOT / "pyproject.toml"),),
    "service": ("--extra", "serve", "--extra", "postgres", "--extra", "pdf"),
    "tools": ("--extra", "dask", "--group", "dev"),
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
        before = [path.read_text("utf-8") for path in map(lock_of, DEPTHS) if path.is_file()]
        whole.write_text("".join(before), "utf-8")
        torch = ("--constraints", str(LOCKS / "torch.txt"))
        if not _resolve(up_to("training"), (*torch, *options), whole):
            return 1
        locked = entries(whole.read_text("utf-8"))
        taken: set[str] = set()
        for depth in DEPTHS:
            part = Path(folder) / f"{depth}.txt"
            if not _resolve(up_to(depth), ("--constraints", str(whole)), part):
                return 1
            added = sorted(set(entries(part.read_text("utf-8"))) - taken)
            taken |= set(added)
            kept = [locked[name] for name in added if not _WITH_TORCH.match(name)]
            lock_of(depth).write_text(_header(depth) + "".join(kept), "utf-8")
            print(f"{lock_of(depth).relative_to(ROOT)}: {len(kept)} packages")
    return 0


def lock_of(depth: str) -> Path:
    """Name the file of a depth."""
    return LOCKS / f"{depth}.txt"


def up_to(depth: str) -> tuple[str, ...]:
    """Return uv's arguments for a depth and all before it."""
    depths = list(DEPTHS)
    return tuple(argument for name in depths[: depths.index(depth) + 1] for argument in DEPTHS[name])


def entries(text: str) -> dict[str, str]:
    """Split a requirements file into its entries: name to lines, digests included."""
    blocks = re.split(r"\n(?=[a-z0-9])", "\n" + re.sub(r"^\s*#.*\n", "", text, flags=re.MULTILINE))
    return {found[0]: f"{block.rstrip()}\n" for block in blocks if (found := _NAME.match(block))}


def _resolve(what: Sequence[str], how: Sequence[str], out: Path) -> bool:
    uv = Path(sys.executable).with_name("uv")
    every = ("--universal", "--generate-hashes", "--no-annotate", "--no-header", "--quiet")
    command = [uv, "pip", "compile", *every, *what, *how, "--output-file", out]
    return subprocess.run(command, cwd=ROOT, stdout=subprocess.DEVNULL, check=False).returncode == 0


def _header(depth: str) -> str:
    before = list(DEPTHS)[: list(DEPTHS).index(depth)]
    return _HEADER.format(depth=depth, before=", ".join(before) or "none")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
