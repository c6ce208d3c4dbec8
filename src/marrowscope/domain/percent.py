"""Shares as percentages, rounded in one place so that all files agree to the last digit."""

from collections.abc import Mapping
from decimal import ROUND_HALF_UP, Decimal

FILE_DECIMALS = 2


def file_percent(share: float) -> float:
    """Return a share (0..1) as the percentage written into files, two decimals."""
    return round(100 * share, FILE_DECIMALS)


def percent_text(share: float) -> str:
    """Return a share (0..1) as a printed percentage with one decimal.

    It is rounded half up from the file's two decimals, as a spreadsheet that shows one decimal would do.
    """
    return str(_tenths(share))


def range_text(low: float, high: float) -> str:
    """Return two shares (0..1) as a range of printed percentages, such as ``1.2–3.4``."""
    return f"{percent_text(low)}–{percent_text(high)}"


def percents_that_sum(counts: Mapping[str, int], fixed: str | None = None) -> dict[str, float]:
    """Return counts as percentages of one decimal that sum to 100.

    Largest remainder (Hamilton's method): each share is rounded down, then those with the largest remainders
    gain a tenth. The `fixed` one, which is printed elsewhere too, keeps its own rounding if any other can
    absorb the difference.
    """
    total = sum(counts.values())
    if not total:
        return dict.fromkeys(counts, 0.0)
    tenths = {name: 1000 * number // total for name, number in counts.items()}
    rests = {name: 1000 * number % total for name, number in counts.items()}
    kept = {name for name in counts if name == fixed}
    for name in kept:
        tenths[name] = int(10 * _tenths(counts[name] / total))
    others = sorted((name for name in counts if name not in kept), key=lambda name: -rests[name])
    missing = 1000 - sum(tenths.values())
    for name in others[:missing] if missing > 0 else []:
        tenths[name] += 1
    if missing < 0 and others:
        largest = max(others, key=lambda name: tenths[name])
        tenths[largest] += missing
    if sum(tenths.values()) != 1000:
        (only,) = kept
        tenths[only] += 1000 - sum(tenths.values())
    return {name: number / 10 for name, number in tenths.items()}


def _tenths(share: float) -> Decimal:
    return Decimal(str(file_percent(share))).quantize(Decimal("0.1"), ROUND_HALF_UP)
