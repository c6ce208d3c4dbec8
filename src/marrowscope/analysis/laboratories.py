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
from marrowscope.domain.rates import Laboratory, PatientCells

Floats = npt.NDArray[np.float64]

FEWEST_LABORATORIES = 3  # with two, nothing is known of how rates vary together
FEWEST_CELLS = 20  # of either kind that make a laboratory's figures worth using (setting)
_BLASTS, _OTHERS = slice(0, 2), slice(2, 4)  # columns of a patient's counts: cells, and those called blasts
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


def usable(laboratories: Sequence[Laboratory]) -> list[Laboratory]:
    """Return the laboratories with enough cells of both kinds for their figures to be used."""
    return [lab for lab in laboratories if min(lab.blasts, lab.others) >= FEWEST_CELLS]


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
    error of counting within a laboratory is left in the spread, which errs to the safe side. About the
    laboratory's rates those of one of its patients are drawn, as for `own_laboratory`.

    Where every laboratory measured the detector's false finds, these are the third rate.
    """
    used = usable(laboratories)
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
    uniform = qmc.Sobol(number + 6, rng=np.random.default_rng(_SEED)).random(_DRAWS)
    # Laboratories' deviations from their mean, summed with normal weights, have their sample covariance.
    weights = norm.ppf(uniform[:, :number]) / np.sqrt(number - 1)
    narrow = chi2.ppf(uniform[:, number : number + 1], number - 1) / (number - 1)
    deviation = weights @ (logits - logits.mean(axis=0)) * np.sqrt((1 + 1 / number) / narrow)
    rates = expit(logits.mean(axis=0) + deviation)
    false_finds = rates[:, 2] if len(columns) > 2 else np.zeros(_DRAWS)
    of_patients = uniform[:, number + 1 :].T
    patients = [_by_patient(lab) for lab in used if lab.by_patient]
    return Rates(
        _of_a_patient(rates[:, 0], _alike(patients, _BLASTS, of_patients[0]), of_patients[1]),
        1 - _of_a_patient(1 - rates[:, 1], _alike(patients, _OTHERS, of_patients[2]), of_patients[3]),
        false_finds,
        of_patients[4],
        f"{number} laboratories that the networks never saw",
    )


@lru_cache(maxsize=32)
def own_laboratory(figures: Laboratory) -> Rates | None:
    """Return the rates that this laboratory measured, as they may be for one more of its patients.

    Patients of one laboratory differ: blasts of one leukemia are missed more often than those of another. A
    rate is therefore drawn in three steps: how alike errors on cells of one patient are (weighed by the
    patients measured, `marrowscope.analysis.clustering`), the laboratory's rate (Jeffreys' posterior for the
    number of cells these are worth; Brown, Cai & DasGupta, Stat Sci 2001;16:101), and about it the rate of
    one patient (beta distribution). Cells whose patients are not known are taken as of one patient.

    None with too few cells.
    """
    if not usable([figures]):
        return None
    uniform = qmc.Sobol(8, rng=np.random.default_rng(_SEED)).random(_DRAWS).T
    patients = _by_patient(figures)

    def called(kind: slice, at: Floats) -> Floats:
        cells, hits = patients[:, kind].T
        alike = _alike([patients], kind, at[0])
        effect = 1 + ((cells**2).sum() / cells.sum() - 1) * alike
        mean = _jeffreys(hits.sum() / effect, cells.sum() / effect, at[1])
        return _of_a_patient(mean, alike, at[2])

    return Rates(
        called(_BLASTS, uniform[:3]),
        1 - called(_OTHERS, uniform[3:6]),
        _jeffreys(figures.false_finds, figures.finds, uniform[6]) if figures.finds else np.zeros(_DRAWS),
        uniform[7],
        "this laboratory's validation",
    )


def _by_patient(lab: Laboratory) -> Floats:
    """Return the counts of each patient, (k, 4); of all cells as of one if patients are not known."""
    whole = PatientCells(lab.blasts, lab.blasts_called, lab.others, lab.others_called)
    return np.array([astuple(one) for one in lab.by_patient or (whole,)], np.float64)


def _alike(patients: Sequence[Floats], kind: slice, uniform: Floats) -> Floats:
    """Draw how errors on cells of one patient correlate, weighed by the patients of all laboratories."""
    likely = np.ones(len(CORRELATIONS))
    for counts in patients:
        cells, hits = counts[counts[:, kind.start] > 0, kind].T
        likely = likely * weights(cells, hits)
    reached = np.cumsum(likely / likely.sum())
    return np.asarray(CORRELATIONS[np.searchsorted(reached[:-1], uniform)])


def _of_a_patient(mean: Floats, alike: Floats, uniform: Floats) -> Floats:
    """Draw the rates of one patient each about the rates (n,) of laboratories."""
    inside = np.clip(mean, 1e-6, 1 - 1e-6)
    strength = 1 / alike - 1
    return np.asarray(beta.ppf(uniform, inside * strength, (1 - inside) * strength))


def _jeffreys(part: npt.ArrayLike, whole: npt.ArrayLike, uniform: Floats) -> Floats:
    return np.asarray(beta.ppf(uniform, np.add(part, 0.5), np.subtract(whole, part) + 0.5))


def _logits(counts: Sequence[tuple[int, int]]) -> Floats:
    """Return the logits of shares, half a cell added to either side so that none is infinite."""
    part, whole = np.asarray(counts, np.float64).T
    return np.asarray(np.log((part + 0.5) / (whole - part + 0.5)))
