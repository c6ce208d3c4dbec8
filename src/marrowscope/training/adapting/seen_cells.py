"""Labelled cells as a classifier's trunk sees them: features computed once, under every quarter turn."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np
import numpy.typing as npt

from marrowscope.domain.taxonomy import taxonomy
from marrowscope.evaluation.networks.shown_cells import ShownCell
from marrowscope.models.bundle import Bundle
from marrowscope.models.classifier import normalised
from marrowscope.models.runtime import Network

TURNS = 4
"""Quarter turns under which every cell is shown."""
_BATCH = 32


@dataclass(frozen=True, eq=False)
class SeenCells:
    """Cells and what the trunk makes of them.

    Attributes
    ----------
    turned : (TURNS, n, F) float32 features, those of the upright cell first
    kinds : n true types, `leukocyte_not_blast` where no more is known
    groups : n patients, or whatever else must not be torn apart
    background : (n, 3) mean colour beside each cell
    """

    turned: npt.NDArray[np.float32]
    kinds: npt.NDArray[np.str_]
    groups: npt.NDArray[np.str_]
    background: npt.NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.kinds)

    @property
    def is_blast(self) -> npt.NDArray[np.bool_]:
        """Which cells are blasts, (n,)."""
        return np.array([is_blast(kind) for kind in self.kinds.tolist()], bool)

    def select(self, rows: npt.NDArray[np.bool_]) -> "SeenCells":
        """Return the chosen cells."""
        return SeenCells(self.turned[:, rows], self.kinds[rows], self.groups[rows], self.background[rows])

    @classmethod
    def joined(cls, parts: Sequence["SeenCells"]) -> "SeenCells":
        """Put the cells of several parts together; there must be one."""
        return cls(
            np.concatenate([part.turned for part in parts], axis=1),
            np.concatenate([part.kinds for part in parts]),
            np.concatenate([part.groups for part in parts]),
            np.concatenate([part.background for part in parts]),
        )


def see_cells(bundle: Bundle, cells: Iterable[ShownCell], threads: int = 1) -> SeenCells:
    """Compute the features of cells under each quarter turn."""
    network = Network(bundle.folder / bundle.classifier.file, threads)
    waiting = iter(cells)
    features: list[list[npt.NDArray[np.float32]]] = [[] for _ in range(TURNS)]
    seen: list[tuple[str, str, npt.NDArray[np.float64]]] = []
    while batch := list(islice(waiting, _BATCH)):
        pixels = np.stack([cell.crop for cell in batch])
        seen += [(cell.true_type, cell.group, cell.background) for cell in batch]
        for turn in range(TURNS):
            turned = np.ascontiguousarray(np.rot90(pixels, turn, axes=(1, 2)))
            features[turn].append(network(normalised(turned, bundle.classifier))["features"])
    if not seen:
        return SeenCells(
            np.zeros((TURNS, 0, 0), np.float32), np.zeros(0, str), np.zeros(0, str), np.zeros((0, 3))
        )
    kinds, groups, background = zip(*seen, strict=True)
    together = np.stack([np.concatenate(parts) for parts in features])
    return SeenCells(together, np.array(kinds), np.array(groups), np.stack(background))


def is_blast(kind: str) -> bool:
    """Return whether a kind is a blast of the taxonomy."""
    return kind in taxonomy() and taxonomy()[kind].is_blast
