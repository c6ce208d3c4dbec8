"""How well measured percentages agree with true ones: bias, limits of agreement, a line through both."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.stats import norm
from scipy.stats import t as student

from marrowscope.evaluation.statistics.bootstrap import Estimate, group_bootstrap

FEWEST = 3  # patients of whom agreement is spoken


@dataclass(frozen=True)
class Agreement:
    """Measured against true percentages.

    `bias` is the mean of measured minus true; `limits` lie 1.96 standard deviations of the differences to
    either side of it, each with its own interval (Bland & Altman, Lancet 1986;327:307). `slope` and
    `intercept` are Passing and Bablok's (J Clin Chem Clin Biochem 1983;21:709), None where too many values
    are tied. `mean_absolute_error` has its interval from resampled patients.
    """

    n_patients: int
    bias: Estimate
    limits: tuple[Estimate, Estimate]
    slope: Estimate
    intercept: Estimate
    mean_absolute_error: Estimate

    def to_json(self) -> dict[str, object]:
        """Give the figures under the names that scripts rely on."""
        figures = {
            "mean_absolute_error": self.mean_absolute_error,
            "bias": self.bias,
            "lower_limit": self.limits[0],
            "upper_limit": self.limits[1],
            "passing_bablok_slope": self.slope,
            "passing_bablok_intercept": self.intercept,
        }
        return {
            "n_patients": self.n_patients,
            **{name: figure.value for name, figure in figures.items()},
            **{f"{name}_ci": figure.to_json() for name, figure in figures.items()},
        }


def agreement(true: npt.ArrayLike, measured: npt.ArrayLike) -> Agreement | None:
    """Compare percentages of n patients, (n,) each; None with fewer than `FEWEST`."""
    x, y = np.asarray(true, np.float64), np.asarray(measured, np.float64)
    n = x.size
    if n < FEWEST:
        return None
    difference = y - x
    bias, spread = float(difference.mean()), float(difference.std(ddof=1))
    wide = float(student.ppf(0.975, n - 1))
    half = wide * spread / np.sqrt(n)
    # Variance of a limit after Bland & Altman: that of the mean and that of 1.96 standard deviations.
    half_limit = wide * spread * np.sqrt(1 / n + 1.96**2 / (2 * (n - 1)))
    lower, upper = bias - 1.96 * spread, bias + 1.96 * spread
    slope, intercept = passing_bablok(x, y)
    return Agreement(
        n_patients=n,
        bias=Estimate(bias, bias - half, bias + half),
        limits=(
            Estimate(lower, lower - half_limit, lower + half_limit),
            Estimate(upper, upper - half_limit, upper + half_limit),
        ),
        slope=slope,
        intercept=intercept,
        mean_absolute_error=group_bootstrap(
            lambda weights: float(np.average(np.abs(difference), weights=weights)), [str(i) for i in range(n)]
        ),
    )


def passing_bablok(x: npt.NDArray[np.float64], y: npt.NDArray[np.float64]) -> tuple[Estimate, Estimate]:
    """Fit ``y = intercept + slope·x`` by the shifted median of the slopes of all pairs.

    Parameters
    ----------
    x, y : (n,) two measurements of each patient

    Returns
    -------
    slope and intercept with 95 % intervals; without a value where no pair has a slope
    """
    i, j = np.triu_indices(x.size, 1)
    across, up = x[i] - x[j], y[i] - y[j]
    # Two equal pairs have no slope; equal x alone is a vertical line; slopes of -1 are left out as published.
    slopes = np.divide(up, across, out=np.copysign(np.inf, up), where=across != 0)
    slopes = np.sort(slopes[((across != 0) | (up != 0)) & (slopes != -1)])
    number = slopes.size
    shift = int((slopes < -1).sum())
    if number == 0 or shift >= number:
        return Estimate(None), Estimate(None)

    def ranked(rank: int) -> float:
        return float(slopes[min(max(rank, 1), number) - 1])

    middle = (ranked((number + 1) // 2 + shift) + ranked(number // 2 + 1 + shift)) / 2
    n = x.size
    reach = float(norm.ppf(0.975)) * np.sqrt(n * (n - 1) * (2 * n + 5) / 18)
    first = round((number - reach) / 2)
    low, high = ranked(first + shift), ranked(number - first + 1 + shift)
    if not np.isfinite(middle):
        return Estimate(None), Estimate(None)
    intercept = float(np.median(y - middle * x))
    if not (np.isfinite(low) and np.isfinite(high)):
        return Estimate(middle), Estimate(intercept)
    return (
        Estimate(middle, low, high),
        Estimate(intercept, float(np.median(y - high * x)), float(np.median(y - low * x))),
    )
