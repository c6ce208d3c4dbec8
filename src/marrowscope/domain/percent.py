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

    Every percentage is rounded as it is printed elsewhere, so that equal counts have equal percentages, but
    for the largest, which takes up the difference. The `fixed` one keeps its rounding if another is large
    enough.
    """
    total = sum(counts.values())
    if not total:
        return dict.fromkeys(counts, 0.0)
    tenths = {name: int(10 * _tenths(number / total)) for name, number in counts.items()}
    others = [name for name in counts if name != fixed] or list(counts)
    difference = 1000 - sum(tenths.values())
    largest = max(others, key=lambda name: counts[name])
    if tenths[largest] + difference < 0:
        largest = max(counts, key=lambda name: counts[name])
    tenths[largest] += difference
    return {name: number / 10 for name, number in tenths.items()}


def _tenths(share: float) -> Decimal:
    return Decimal(str(file_percent(share))).quantize(Decimal("0.1"), ROUND_HALF_UP)
