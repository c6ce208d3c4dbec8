"""Decode damaged files: which crash, take too much time or memory, or give other pixels without a word.

    python bench/fuzz.py --mutants 2000 --seed 1
    python bench/fuzz.py --minutes 60 --keep found/

Seeds are small drawn fields in every encoding; a mutant changes bytes, cuts, doubles or exchanges parts. Each
is decoded in a worker process that is replaced when it dies or exceeds its limits. A mutant is *silent* if it
was decoded without a note, and more than one pixel in a hundred differs from the seed's. Formats without any
checksum cannot notice a changed pixel: they are counted apart.
"""

import argparse
import io
import json
import multiprocessing
import resource
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tifffile
from PIL import Image

from marrowscope.errors import ImageError
from marrowscope.imaging.files.decode import DecodeLimits, FieldImage, decode, fields_of
from marrowscope.synth import draw_field

SECONDS = 10.0
BYTES = 3 * 2**30
DIFFERENT = 0.01
LIMITS = DecodeLimits(max_pixels=2_000_000)
NO_WAY_TO_KNOW = {"bmp", "tiff-plain", "tiff-16", "tiff-zstd", "webp", "jpeg-2000"}
"""No checksum, and no coding that has to fail where it is damaged."""


@dataclass(frozen=True)
class Result:
    """What became of a mutant: same, noted, refused, silent, crash, slow or memory."""

    kind: str
    outcome: str


def seeds() -> dict[str, bytes]:
    """Return a small drawn field in every encoding."""
    pixels = draw_field(1, width=320, height=240, cells=3).pixels
    image = Image.fromarray(pixels)
    made = {}
    for name, kind, options in (
        ("jpeg", "JPEG", {"quality": 90}), ("jpeg-progressive", "JPEG", {"progressive": True}),
        ("png", "PNG", {}), ("bmp", "BMP", {}), ("webp", "WEBP", {"quality": 90}),
        ("jpeg-2000", "JPEG2000", {}),
    ):  # fmt: skip
        stream = io.BytesIO()
        image.save(stream, kind, **options)
        made[name] = stream.getvalue()
    for compression in (None, "lzw", "deflate", "jpeg", "zstd", "packbits"):
        made[f"tiff-{compression or 'plain'}"] = _tiff(pixels, compression=compression)
    made["tiff-16"] = _tiff(pixels.astype(np.uint16) * 257, compression=None)
    other = draw_field(2, width=320, height=240, cells=3).pixels
    made["tiff-jpeg-two-fields"] = _tiff(pixels, other, compression="jpeg")
    return made


def mutants(data: bytes, rng: np.random.Generator) -> Iterator[bytes]:
    """Yield damaged copies of a file, without end."""
    while True:
        changed = bytearray(data)
        for _ in range(int(rng.integers(1, 5))):
            start, end = sorted(rng.integers(0, len(changed) + 1, 2).tolist())
            how = rng.integers(6)
            if how == 0 and changed:
                changed[int(rng.integers(len(changed)))] ^= 1 << int(rng.integers(8))
            elif how == 1:
                changed[start : min(end, start + 64)] = rng.bytes(min(end - start, 64))
            elif how == 2:
                del changed[start : min(end, start + 256)]
            elif how == 3:
                changed[start:start] = changed[start : min(end, start + 256)]
            elif how == 4:
                changed[start:] = changed[start:end]
            else:
                number = int(rng.choice([0, 1, 2**16 - 1, 2**31 - 1, 2**32 - 1]))
                changed[start : start + 4] = number.to_bytes(4, "little")
        yield bytes(changed)


def first_field(data: bytes) -> FieldImage:
    """Read a file as an analysis does: taken apart where it holds several fields."""
    return decode(next(fields_of(data, limits=LIMITS), data), limits=LIMITS)


def look(kind: str, mutant: bytes, pixels: np.ndarray[tuple[int, ...], np.dtype[np.uint8]]) -> Result:
    """Decode a mutant and compare."""
    try:
        field = first_field(mutant)
    except ImageError:
        return Result(kind, "refused")
    if field.notes:
        return Result(kind, "noted")
    if field.pixels.shape != pixels.shape:
        return Result(kind, "silent")
    differs = np.abs(field.pixels.astype(int) - pixels).max(axis=-1) > 2
    return Result(kind, "silent" if differs.mean() > DIFFERENT else "same")


def main() -> int:
    """Run, print a table, and return 1 if a mutant crashed or exceeded a limit."""
    asked = _arguments()
    rng = np.random.default_rng(asked.seed)
    originals = seeds()
    known = {kind: first_field(data).pixels for kind, data in originals.items()}
    sources = {kind: mutants(data, rng) for kind, data in originals.items()}
    found: Counter[tuple[str, str]] = Counter()
    ends = time.monotonic() + 60 * asked.minutes if asked.minutes else None
    pool = _pool()
    number = 0
    while time.monotonic() < ends if ends else number < asked.mutants:
        kind = list(sources)[number % len(sources)]
        mutant = next(sources[kind])
        number += 1
        try:
            outcome = pool.submit(look, kind, mutant, known[kind]).result(SECONDS).outcome
        except (BrokenProcessPool, TimeoutError, MemoryError) as error:
            outcome = {BrokenProcessPool: "crash", TimeoutError: "slow"}.get(type(error), "memory")
            _end(pool)
            pool = _pool()
        found[kind, outcome] += 1
        if asked.keep is not None and outcome in {"crash", "slow", "memory", "silent"}:
            asked.keep.mkdir(parents=True, exist_ok=True)
            (asked.keep / f"{outcome}-{kind}-{number}").write_bytes(mutant)
    _end(pool)
    rows = [{"kind": kind, "outcome": outcome, "mutants": n} for (kind, outcome), n in sorted(found.items())]
    total = Counter[str]()
    for (kind, outcome), n in found.items():
        blind = outcome == "silent" and kind in NO_WAY_TO_KNOW
        total["silent, no way to know" if blind else outcome] += n
    print(json.dumps({"mutants": number, "total": dict(total), "rows": rows}, indent=2))
    return int(any(total[bad] for bad in ("crash", "slow", "memory")))


def _tiff(*fields: np.ndarray[tuple[int, ...], np.dtype[np.generic]], **options: object) -> bytes:
    stream = io.BytesIO()
    with tifffile.TiffWriter(stream) as writer:
        for values in fields:
            writer.write(values, photometric="rgb", metadata=None, **options)  # type: ignore[arg-type]  # any option
    return stream.getvalue()


def _pool() -> ProcessPoolExecutor:
    return ProcessPoolExecutor(1, multiprocessing.get_context("spawn"), initializer=_limit)


def _limit() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (BYTES, BYTES))


def _end(pool: ProcessPoolExecutor) -> None:
    for process in list((pool._processes or {}).values()):  # noqa: SLF001 (a hanging worker is ended in no other way)
        process.kill()
    pool.shutdown(cancel_futures=True)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--mutants", type=int, default=2000, help="how many to try")
    parser.add_argument("--minutes", type=float, help="how long to try, instead")
    parser.add_argument("--seed", type=int, default=1, help="equal seeds give equal mutants")
    parser.add_argument("--keep", type=Path, help="folder for mutants that crashed, hung or were silent")
    return parser.parse_args()


if __name__ == "__main__":
    raise SystemExit(main())
