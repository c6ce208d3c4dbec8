"""The position of cells in the classifier's feature space, by which unfamiliar cells are recognised.

Each class is a Gaussian in the space of the network's last layer. All share one covariance, which is stored
in few directions (probabilistic principal components). A cell's distance is that to the nearest class (Lee et
al., "A simple unified framework for detecting out-of-distribution samples", arXiv:1807.03888).
"""

from dataclasses import dataclass, fields, replace
from functools import cached_property
from pathlib import Path
from typing import Self

import numpy as np
import numpy.typing as npt

from marrowscope.errors import BundleError

USUAL_SHARE = 0.05
"""Share of held-out cells of the training laboratories that lie beyond the limit."""

Features = npt.NDArray[np.float32]


@dataclass(frozen=True)
class FeatureSpace:
    """Gaussians fitted to the features of the training cells.

    Attributes
    ----------
    means : (classes, F) mean features
    directions : (k, F) orthonormal directions of the largest spread within classes
    deviations : (k,) standard deviation along each direction
    residual : () standard deviation along every other direction
    limit : () distance that `USUAL_SHARE` of familiar cells exceed
    """

    means: Features
    directions: Features
    deviations: Features
    residual: Features
    limit: Features

    def distance(self, features: Features) -> npt.NDArray[np.float64]:
        """Return the distance from features (n, F) to the nearest class, (n,); about 1 for familiar cells."""
        x = features.astype(np.float64)
        means, directions, along_means = self._doubles
        # Products so small gain nothing by several threads, which numpy's own would start and let wait.
        along = np.einsum("nf,kf->nk", x, directions)[:, None] - along_means
        off = np.maximum(
            (x**2).sum(1)[:, None] + (means**2).sum(1) - 2 * np.einsum("nf,cf->nc", x, means), 0.0
        )
        beside = np.maximum(off - (along**2).sum(axis=2), 0.0)
        squared = ((along / self.deviations) ** 2).sum(axis=2) + beside / self.residual**2
        return np.asarray(np.sqrt(squared.min(axis=1) / features.shape[1]))

    @cached_property
    def _doubles(self) -> tuple[npt.NDArray[np.float64], ...]:
        """Means (classes, F), directions (k, F), and means along the directions (classes, k)."""
        means, directions = self.means.astype(np.float64), self.directions.astype(np.float64)
        return means, directions, means @ directions.T

    def is_unfamiliar(self, features: Features) -> npt.NDArray[np.bool_]:
        """Return which cells lie beyond the limit, (n,)."""
        return np.asarray(self.distance(features) > self.limit)

    def drawn(self, rng: np.random.Generator, n: int) -> Features:
        """Return features (n, F) of simulated cells, sampled from all classes with equal chance."""
        along = rng.normal(0, 1, (n, len(self.deviations))) * self.deviations
        beside = rng.normal(0, float(self.residual), (n, self.directions.shape[1]))
        centres = self.means[rng.integers(0, len(self.means), n)]
        return np.asarray(centres + along @ self.directions + beside, np.float32)

    @classmethod
    def fitted(
        cls,
        features: Features,
        classes: npt.NDArray[np.int64],
        held_out: Features,
        n_directions: int = 64,
    ) -> Self:
        """Fit to features (n, F) of classes (n,); `held_out` cells (m, F) set the limit."""
        means = np.stack([features[classes == c].mean(axis=0) for c in np.unique(classes)])
        within = features - means[np.searchsorted(np.unique(classes), classes)]
        _, spread, directions = np.linalg.svd(within, full_matrices=False)
        k = min(n_directions, len(spread) - 1)
        deviations = spread[:k] / np.sqrt(len(within))
        left = (spread[k:] ** 2).sum() / len(within) / max(features.shape[1] - k, 1)
        parts = (means, directions[:k], deviations, left**0.5, 0)
        space = cls(*(np.asarray(part, np.float32) for part in parts))
        limit = np.quantile(space.distance(held_out), 1 - USUAL_SHARE)
        return replace(space, limit=np.asarray(limit, np.float32))

    def save(self, path: Path) -> None:
        """Write an `.npz` file, with the large arrays in half precision."""
        np.savez_compressed(
            path,
            means=self.means.astype(np.float16),
            directions=self.directions.astype(np.float16),
            deviations=self.deviations,
            residual=self.residual,
            limit=self.limit,
        )

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read a file written by `save`. Raises BundleError if it is anything else."""
        try:
            with np.load(path, allow_pickle=False) as stored:
                space = cls(*(stored[f.name].astype(np.float32) for f in fields(cls)))
        except (OSError, ValueError, KeyError) as error:
            raise BundleError(f"{path.name} is not a feature space: {error}") from error
        k, width = space.directions.shape
        if space.means.shape[1:] != (width,) or space.deviations.shape != (k,):
            raise BundleError(f"{path.name} contains arrays whose shapes do not match")
        return space
