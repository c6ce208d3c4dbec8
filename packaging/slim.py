"""Make an installed environment small, for the image: `python slim.py ENVIRONMENT`.

Tests, type stubs and sources of libraries go; bytecode stays of what the program imports, and of nothing
else. Only what a library was built from or checked with is removed, never a licence.
"""

import compileall
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

_TESTS = frozenset({"tests", "test"})
_SOURCES = frozenset({".pyi", ".pxd", ".pyx", ".h", ".hpp", ".c", ".cpp", ".proto", ".map", ".a"})
_UNUSED = (
    "onnxruntime/capi/libonnxruntime.so.*",  # Python's binding holds the same once more
    # AVIF, which is refused wherever it comes from, and coders for arrays of numbers, which no TIFF names.
    *(f"imagecodecs/_{coder}.*.so" for coder in ("avif", "heif", "pcodec", "sperr", "sz3", "ultrahdr")),
    *(f"imagecodecs.libs/lib{name}-*" for name in ("aom", "avif", "cpcodec", "SPERR", "SZ3", "uhdr")),
    "PIL/_avif.*.so",
    "pillow.libs/libavif-*",
)
_LARGE_JSON = 1 << 20  # bytes, from which white space is worth removing
_LATER = ("marrowscope", "weasyprint", "tinycss2", "tinyhtml5", "cssselect2", "pydyf", "pyphen")
# Imports every module of the package, and reads a drawn field: what is compiled then is what is used.
_USE = """
import importlib, pkgutil, subprocess, sys
import marrowscope
for module in pkgutil.walk_packages(marrowscope.__path__, "marrowscope."):
    if not module.name.endswith(("__main__", ".migrations.env")):  # which do something when they are imported
        try:
            importlib.import_module(module.name)
        except (ImportError, OSError):  # of an extra or a library that is not there
            pass
import dask.cli, distributed.cli.dask_scheduler, distributed.cli.dask_worker
sys.exit(subprocess.call([sys.executable, "-m", "marrowscope", "doctor"]))
"""


def main() -> int:
    """Remove, use, and say what is left."""
    (packages,) = (Path(sys.argv[1]) / "lib").glob("python3*/site-packages")
    before = size(packages)
    for path in sorted(packages.rglob("*"), reverse=True):
        if path.is_dir() and not path.is_symlink():
            if path.name in _TESTS | {"__pycache__"} and path.parent != packages:
                shutil.rmtree(path)
        elif path.exists() and (path.suffix in _SOURCES or any(map(path.match, _UNUSED))):
            path.unlink()
        elif path.suffix == ".json" and path.stat().st_size > _LARGE_JSON:
            path.write_text(json.dumps(json.loads(path.read_bytes()), separators=(",", ":")), "utf-8")
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    command = [str(Path(sys.argv[1]) / "bin" / "python"), "-c", _USE]
    used = subprocess.run(command, check=False, env=environment)
    for name in _LATER:
        compileall.compile_dir(packages / name, quiet=1)
    print(f"{packages}: {before} MB before, {size(packages)} MB now")
    return used.returncode


def size(folder: Path) -> int:
    """Return the size of a folder in megabytes."""
    return sum(path.lstat().st_size for path in folder.rglob("*") if path.is_file()) >> 20


if __name__ == "__main__":
    sys.exit(main())
