"""The error rates to expect here: as they vary between laboratories, or as this laboratory measured them.

Rates are random draws, not one value: sensitivity, specificity and the share of false finds of many
laboratories that may be this one. A count is then corrected by all of them together
(`marrowscope.analysis.correction`).
"""

from collections.abc import Sequence
from dataclasses import astuple, dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt
from scipy.special import expit
from scipy.stats import beta, chi2, norm, qmc

from marrowscope.analysis.clustering import CORRELATIONS, weights
from marrowscope.domain.rates import Laboratory, PatientCells, Validation

Floats = npt.NDArray[np.float64]

FEWEST_LABORATORIES = 3  # with two, nothing is known of how rates vary together
FEWEST_CELLS = 20  # of either kind that make a laboratory's figures worth using (setting)
_DRAWS = 512
_SEED = 20_260_101


@dataclass(frozen=True, eq=False)
class Rates:
    """Error rates that may hold here.

    Attributes
    ----------
    sensitivity, specificity, false_finds : (n,) each, in 0..1
    chance : (n,) uniform numbers independent of the rates, for what else is not known of a count
    source : what they come from, for print
    """

    sensitivity: Floats
    specificity: Floats
    false_finds: Floats
    chance: Floats
    source: str


@lru_cache(maxsize=32)
def new_laboratory(laboratories: tuple[Laboratory, ...]) -> Rates | None:
    """Return the rates to expect of a laboratory like those measured; None with too few to tell.

    Sensitivity and specificity vary together, on the logit scale, as in the bivariate model of diagnostic
    meta-analysis (Reitsma et al., J Clin Epidemiol 2005;58:982). With four or five laboratories their spread
    is itself uncertain, so a new laboratory is drawn from a multivariate t distribution with L - 1 degrees
    of freedom about the laboratories' mean, with (1 + 1/L) times their sample covariance: the prediction
    interval of random-effects meta-analysis (Higgins, Thompson & Spiegelhalter, J R Stat Soc A 2009;172:137)
    with the degrees of freedom of Hartung and Knapp (Stat Med 2001;20:3875). For every weighted sum of the
    logits it is the exact prediction interval of a normal sample (Geisser, Predictive Inference, 1993). The
    error of counting within a laboratory is left in the spread, which errs to the safe side.

    Where every laboratory measured the detector's false finds, these are the third rate.
    """
    used = [lab for lab in laboratories if min(lab.blasts, lab.others) >= FEWEST_CELLS]
    number = len(used)
    if number < FEWEST_LABORATORIES:
        return None
    columns = [
        _logits([(lab.blasts_called, lab.blasts) for lab in used]),
        _logits([(lab.others - lab.others_called, lab.others) for lab in used]),
    ]
    if all(lab.finds for lab in used):
        columns.append(_logits([(lab.false_finds, lab.finds) for lab in used]))
    logits = np.stack(columns, axis=1)
    uniform = qmc.Sobol(number + 2, rng=np.random.default_rng(_SEED)).random(_DRAWS)
    # Laboratories' deviations from their mean, summed with normal weights, have their sample covariance.
    weights = norm.ppf(uniform[:, :number]) / np.sqrt(number - 1)
    narrow = chi2.ppf(uniform[:, number : number + 1], number - 1) / (number - 1)
    deviation = weights @ (logits - logits.mean(axis=0)) * np.sqrt((1 + 1 / number) / narrow)
    rates = expit(logits.mean(axis=0) + deviation)
    false_finds = rates[:, 2] if len(columns) > 2 else np.zeros(_DRAWS)
    source = f"{number} laboratories that the networks never saw"
    return Rates(rates[:, 0], rates[:, 1], false_finds, uniform[:, -1], source)


@lru_cache(maxsize=32)
def own_laboratory(validation: Validation) -> Rates | None:
    """Return the rates that this laboratory measured, as they may be for one more of its patients.

    Patients of one laboratory differ: blasts of one leukemia are missed more often than those of another. A
    rate is therefore drawn in three steps: how alike cells of one patient are (weighed by the patients
    measured, `marrowscope.analysis.clustering`), the laboratory's rate (Jeffreys' posterior for the number of
    cells these are worth; Brown, Cai & DasGupta, Stat Sci 2001;16:101), and about it the rate of one patient
    (beta distribution). Where it is not known whose the cells are, they are taken as of one patient.

    None with too few cells.
    """
    figures = validation.figures
    if min(figures.blasts, figures.others) < FEWEST_CELLS:
        return None
    whole = PatientCells(figures.blasts, figures.blasts_called, figures.others, figures.others_called)
    patients = np.array([astuple(one) for one in validation.patients or (whole,)], np.float64)
    uniform = qmc.Sobol(8, rng=np.random.default_rng(_SEED)).random(_DRAWS).T
    false_finds = np.zeros(_DRAWS)
    if figures.finds:
        false_finds = _jeffreys(figures.false_finds, figures.finds, uniform[6])
    return Rates(
        _of_a_patient(patients[:, 0], patients[:, 1], uniform[:3]),
        1 - _of_a_patient(patients[:, 2], patients[:, 3], uniform[3:6]),
        false_finds,
        uniform[7],
        "this laboratory's validation",
    )


def _of_a_patient(cells: Floats, called: Floats, uniform: Floats) -> Floats:
    """Draw the rate of a further patient from the cells (k,) of those measured and (3, n) uniform numbers."""
    likely = weights(cells[cells > 0], called[cells > 0]).cumsum()
    alike = CORRELATIONS[np.searchsorted(likely[:-1], uniform[0])]
    effect = 1 + ((cells**2).sum() / cells.sum() - 1) * alike
    mean = np.clip(_jeffreys(called.sum() / effect, cells.sum() / effect, uniform[1]), 1e-6, 1 - 1e-6)
    return np.asarray(beta.ppf(uniform[2], mean * (1 / alike - 1), (1 - mean) * (1 / alike - 1)))


def _jeffreys(part: npt.ArrayLike, whole: npt.ArrayLike, uniform: Floats) -> Floats:
    return np.asarray(beta.ppf(uniform, np.add(part, 0.5), np.subtract(whole, part) + 0.5))


def _logits(counts: Sequence[tuple[int, int]]) -> Floats:
    """Return the logits of shares, half a cell added to either side so that none is infinite."""
    part, whole = np.asarray(counts, np.float64).T
    return np.asarray(np.log((part + 0.5) / (whole - part + 0.5)))
