"""The scripts of `packaging/`, `runs/` and `bench/`, as modules: they lie in no package."""

import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

ROOT = Path(__file__).parents[1]


def script(name: str, folder: str = "packaging") -> ModuleType:
    """Load `FOLDER/NAME.py` without running it."""
    spec = spec_from_file_location(f"marrowscope_{Path(folder).name}_{name}", ROOT / folder / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module
