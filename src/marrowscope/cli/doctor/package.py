"""The package, its libraries and its networks, and whether they read a drawn field."""

import os
import platform
import time
from collections.abc import Iterator
from functools import partial
from importlib.metadata import PackageNotFoundError, metadata, version

from packaging.requirements import Requirement

from marrowscope import api
from marrowscope.cli.doctor.findings import Finding, found
from marrowscope.domain.geometry import pair_by_overlap
from marrowscope.domain.quantity import quantity
from marrowscope.models.bundle import list_builtin, load_bundle
from marrowscope.synth import draw_field
from marrowscope.version import __version__

_SEED, _CELLS = 7, 12
_OVERLAP = 0.5
_LEAST = 0.8  # of the drawn cells found, and of the found ones drawn
_SHOWN = ("numpy", "scipy", "pillow", "onnxruntime", "tifffile", "imagecodecs", "simplejpeg")


def findings() -> Iterator[Finding]:
    """Yield what was found, one check after the other."""
    yield found("version", _version)
    yield found("libraries", _libraries)
    yield found("extras", _extras)
    for name in list_builtin():
        yield found(f"networks {name}", partial(_networks, name))
    yield found("self-test", self_test)


def _version() -> Finding:
    cores = os.cpu_count() or 0
    facts = {
        "marrowscope": __version__,
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.release()}",
        "machine": platform.machine(),
    }
    machine = ", ".join(list(facts.values())[1:])
    says = f"marrowscope {__version__}, Python {machine}, {quantity(cores, 'core')}"
    return Finding("version", "ok", says, {**facts, "cores": cores})


def _libraries() -> Finding:
    missing, facts = [], {}
    for needed in _needs(None):
        try:
            facts[needed.name] = version(needed.name)
        except PackageNotFoundError:
            missing.append(needed.name)
            continue
        if facts[needed.name] not in needed.specifier:
            missing.append(f"{needed.name}{needed.specifier}")
    if missing:
        return Finding("libraries", "wrong", f"missing or too old: {', '.join(missing)}", facts)
    shown = ", ".join(f"{name} {facts[name]}" for name in _SHOWN if name in facts)
    return Finding("libraries", "ok", shown, facts)


def _extras() -> Finding:
    names = metadata("marrowscope").get_all("Provides-Extra") or []
    there = [name for name in names if all(map(_is_installed, _needs(name)))]
    others = [name for name in names if name not in there]
    says = f"installed: {', '.join(there) or 'none'}; not installed: {', '.join(others) or 'none'}"
    return Finding("extras", "ok", says, {"installed": there, "missing": others})


def _needs(extra: str | None) -> list[Requirement]:
    """Return what the package needs, or what one of its extras needs beside."""
    lines = metadata("marrowscope").get_all("Requires-Dist") or []
    found_lines = []
    for need in map(Requirement, lines):
        always = need.marker is None or need.marker.evaluate({"extra": ""})
        if always if extra is None else not always and need.marker and need.marker.evaluate({"extra": extra}):
            found_lines.append(need)
    return found_lines


def _is_installed(need: Requirement) -> bool:
    try:
        return version(need.name) in need.specifier
    except PackageNotFoundError:
        return False


def _networks(name: str) -> Finding:
    bundle = load_bundle(name)
    facts = {"title": bundle.title, "sha256": bundle.sha256}
    return Finding(
        f"networks {name}", "ok", f"{bundle.title}, all digests match ({bundle.sha256[:12]})", facts
    )


def self_test() -> Finding:
    """Read one drawn field with the built-in networks, and compare the cells with those drawn."""
    field = draw_field(_SEED, cells=_CELLS)
    started = time.perf_counter()
    cells = api.classify(field.pixels, mpp=field.mpp)
    seconds = time.perf_counter() - started
    hits = len(pair_by_overlap(field.boxes, cells.boxes, _OVERLAP))
    facts = {"drawn": _CELLS, "found": len(cells), "of_these_drawn": hits, "seconds": round(seconds, 2)}
    is_read = hits >= _LEAST * max(_CELLS, len(cells))
    says = f"{hits} of {_CELLS} drawn cells found, {len(cells) - hits} others, in {seconds:.1f} s"
    return Finding("self-test", "ok" if is_read else "wrong", says, facts)
