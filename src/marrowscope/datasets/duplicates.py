"""Exact and near duplicates among images, also when one was turned or mirrored.

Near duplicates: a perceptual hash (signs of the low frequencies of a discrete cosine transform; Zauner 2010)
proposes pairs under all eight turns and mirrorings, the correlation of small grey copies confirms them:
single-cell images all look much alike to a hash.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image
from scipy.fft import dctn

Floats = npt.NDArray[np.float32]

THUMBNAIL_PX = 32
_FREQUENCIES = 12  # a side: 143 bits without the mean
_LARGEST_DISTANCE = 0.2  # of the bits, for a pair to be looked at
_LEAST_CORRELATION = 0.97  # two photographs of one scene ten pixels apart reach 0.976, other fields 0.96
_CHUNK = 512


@dataclass(frozen=True)
class Fingerprint:
    """What is kept of an image to find its duplicates: digest of the file, small grey copy, (32, 32)."""

    sha256: str
    thumbnail: Floats


def fingerprint(path: Path, image: Image.Image) -> Fingerprint:
    """Take the fingerprint of an opened image and its file."""
    with path.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
    small = image.convert("L").resize((THUMBNAIL_PX, THUMBNAIL_PX), Image.Resampling.BOX)
    return Fingerprint(digest, np.asarray(small, dtype=np.float32))


def exact_duplicates(prints: Sequence[Fingerprint]) -> list[tuple[int, ...]]:
    """Give groups of indices whose files are the same, each with at least two."""
    by_digest: dict[str, list[int]] = {}
    for index, one in enumerate(prints):
        by_digest.setdefault(one.sha256, []).append(index)
    return [tuple(group) for group in by_digest.values() if len(group) > 1]


def near_duplicates(prints: Sequence[Fingerprint]) -> list[tuple[int, int, float]]:
    """Give pairs of indices whose pictures are alike but whose files differ, with their correlation."""
    if len(prints) < 2:
        return []
    thumbnails = np.stack([one.thumbnail for one in prints])
    bits = _hash_bits(thumbnails)
    turned = [_variant(thumbnails, k) for k in range(8)]
    turned_bits = [_hash_bits(t) for t in turned]
    best: dict[tuple[int, int], float] = {}
    least_agreement = bits.shape[1] * (1 - 2 * _LARGEST_DISTANCE)
    for start in range(0, len(prints), _CHUNK):
        block = bits[start : start + _CHUNK]
        for k in range(8):
            rows, columns = np.nonzero(block @ turned_bits[k].T >= least_agreement)
            first = rows + start
            pairs = first < columns
            first, second = first[pairs], columns[pairs]
            likeness = _correlations(thumbnails[first], turned[k][second])
            for i, j, r in zip(first.tolist(), second.tolist(), likeness.tolist(), strict=True):
                if r >= _LEAST_CORRELATION and prints[i].sha256 != prints[j].sha256:
                    best[i, j] = max(best.get((i, j), 0.0), r)
    return [(i, j, r) for (i, j), r in sorted(best.items())]


def _variant(thumbnails: Floats, k: int) -> Floats:
    """Turn by k % 4 right angles, mirrored for k >= 4."""
    turned = np.rot90(thumbnails, k % 4, axes=(1, 2))
    return turned[:, :, ::-1] if k >= 4 else turned


def _hash_bits(thumbnails: Floats) -> Floats:
    """Give signs (+1, -1) of the low frequencies, (n, bits): agreement of two hashes is their dot product."""
    spectrum = dctn(thumbnails, axes=(1, 2))[:, :_FREQUENCIES, :_FREQUENCIES]
    low = spectrum.reshape(len(thumbnails), -1)[:, 1:]
    return np.where(low >= 0, 1, -1).astype(np.float32)


def _correlations(a: Floats, b: Floats) -> Floats:
    """Pearson correlation of each pair of thumbnails, (n,); 0 where one is flat."""
    a, b = (x.reshape(len(x), THUMBNAIL_PX**2) - x.mean(axis=(1, 2))[:, None] for x in (a, b))
    scale = np.sqrt((a**2).sum(axis=1) * (b**2).sum(axis=1))
    return np.asarray((a * b).sum(axis=1) / np.maximum(scale, 1e-6), dtype=np.float32)
