"""Evidence on a cell's type from the size of its nucleus.

All crops have the same size, so the network cannot see how large a cell is, although the size of the nucleus
relative to the red cells is what first distinguishes a small lymphocyte from a blast. The network measures
the nucleus as a share of the crop, and the scale converts that to micrometres. Bayes' rule combines it with
the evidence of the crop, assumed to be independent given the type. Diameters are log-normal; a share of
outliers prevents a wrong box or scale from overruling the picture.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.special import logsumexp

_OUTLIERS = 0.1  # share of cells whose nucleus is no evidence
_OUTLIER_UM, _OUTLIER_SPREAD = 9.0, 0.5  # median and spread of the outliers
_UNKNOWN_SPREAD = 0.5  # for types whose nuclei were not measured: hardly any evidence

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class NucleusSizes:
    """Diameter of the nucleus (that of a circle of equal area), by type.

    Attributes
    ----------
    um : type → median in micrometres and standard deviation of the logarithm; if empty, size is not used
    error : standard deviation of the logarithm of the measurement error of network and scale
    """

    um: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    error: float = 0.08

    @classmethod
    def of(cls, table: Mapping[str, Any]) -> "NucleusSizes":
        """Read the output of `dataclasses.asdict`; raises KeyError, TypeError or ValueError if malformed."""
        um = {str(name): (float(median), float(spread)) for name, (median, spread) in table["um"].items()}
        if any(median <= 0 or spread <= 0 for median, spread in um.values()):
            raise ValueError("sizes must be positive")
        return cls(um, float(table["error"]))

    def log_likelihood(self, nucleus_um: npt.NDArray[np.float32], classes: Sequence[str]) -> Floats:
        """Return log P(diameter | class), (n, classes), of diameters (n,) in µm; zero if unknown (0 µm)."""
        known = nucleus_um > 0
        log_um = np.log(np.where(known, nucleus_um, _OUTLIER_UM).astype(np.float64))[:, None]
        fitted = [self.um.get(name, (_OUTLIER_UM, _UNKNOWN_SPREAD)) for name in classes]
        medians, spreads = np.log([m for m, _ in fitted]), np.array([s for _, s in fitted])
        usual = _log_normal(log_um, medians, np.hypot(spreads, self.error)) + np.log1p(-_OUTLIERS)
        outlier = _log_normal(log_um, np.log(_OUTLIER_UM), _OUTLIER_SPREAD) + np.log(_OUTLIERS)
        both = np.logaddexp(usual, outlier)
        return np.where(known[:, None] & bool(self.um), both, 0.0)


def nucleus_um(
    output: npt.NDArray[np.float32], side_um: npt.NDArray[np.float32], context: float
) -> npt.NDArray[np.float32]:
    """Return diameters (n,) in µm, 0 if the scale is not known.

    Parameters
    ----------
    output : (n, 2) of the network: logarithm of the diameter divided by the crop's side, and log odds of the
        nucleus' share of the cell's area
    side_um : (n,) longer side of each cell's box, 0 if the scale is not known
    context : side of the crop divided by the longer side of the box
    """
    return np.asarray(np.exp(output[:, 0]) * side_um * np.float32(context), np.float32)


def size_evidence(log_likelihood: Floats, type_log_probabilities: npt.NDArray[np.floating]) -> Floats:
    """Return the amount that size adds to each cell's log odds of being a blast, (n,).

    Parameters
    ----------
    log_likelihood : (n, 1 + types), blast first
    type_log_probabilities : (n, types), log P(type | not blast), whose probabilities sum to 1 in each row
    """
    others = logsumexp(type_log_probabilities + log_likelihood[:, 1:], axis=1)
    return np.asarray(log_likelihood[:, 0] - others)


def _log_normal(x: Floats, mean: Floats | float, deviation: Floats | float) -> Floats:
    return np.asarray(-0.5 * ((x - mean) / deviation) ** 2 - np.log(deviation))
