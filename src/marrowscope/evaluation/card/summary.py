"""The figures of a bundle as tables of the documentation: words and numbers come from `metrics.json`."""

import re
from collections.abc import Callable, Mapping
from typing import Any

VIRTUAL_BEGIN = "<!-- virtual counts: written by `python runs/readme_figures.py` -->"
VIRTUAL_END = "<!-- end of virtual counts -->"
BEGIN, END = "<!-- figures: written by `python runs/readme_figures.py` -->", "<!-- end of figures -->"
HEADLINE_BEGIN = "<!-- headline: written by `python runs/readme_figures.py` -->"
HEADLINE_END = "<!-- end of headline -->"


def summary_table(metrics: Mapping[str, Any]) -> str:
    """Return a Markdown table with the main figures of every evaluation, its role beside it."""
    rows = [row for entry in metrics["evaluations"] for row in _rows(entry)]
    lines = ["| what | measured on | role | figure |", "|---|---|---|---|"]
    return "\n".join([*lines, *(f"| {' | '.join(row)} |" for row in rows)])


def with_figures(text: str, metrics: Mapping[str, Any]) -> str:
    """Return a text with what stands between its marks replaced by the table.

    Raises
    ------
    ValueError
        The text has no such marks.
    """
    return _between(text, BEGIN, summary_table(metrics), END)


def with_headline(text: str, metrics: Mapping[str, Any]) -> str:
    """Return a text with what stands between its marks replaced by figures of laboratories never seen.

    Raises
    ------
    ValueError
        The text has no such marks.
    """
    rows = [_HEADLINES[entry["kind"]](entry) for entry in metrics["evaluations"] if _is_headline(entry)]
    lines = ["| in a laboratory it has never seen | measured |", "|---|---|"]
    table = "\n".join([*lines, *(f"| {' | '.join(row)} |" for row in rows)])
    return _between(text, HEADLINE_BEGIN, table, HEADLINE_END)


def with_virtual_counts(text: str, metrics: Mapping[str, Any]) -> str:
    """Return a text with what stands between its marks replaced by the figures of the virtual counts.

    Raises
    ------
    ValueError
        The text has no such marks.
    """
    entries = [entry for entry in metrics["evaluations"] if entry["kind"] == "virtual"]
    block = "\n\n".join(map(_virtual_section, entries)) or "Not measured with these networks."
    return _between(text, VIRTUAL_BEGIN, f"\n{block}\n", VIRTUAL_END)


def _virtual_section(entry: Mapping[str, Any]) -> str:
    """Put one evaluation of virtual counts into a paragraph and two tables."""
    result = entry["result"]
    shares = [("counted", result["counted"], result["counted_interval_coverage"])]
    if result["corrected"] is not None:
        shares.append(("corrected", result["corrected"], result["corrected_interval_coverage"]))
    decisions = [
        (f"{what}, true share {side.replace('_', ' ')} 20 %", row)
        for what, rows in ((f"{result['n_counts']} counts", result["all"]), ("nine counts", result["nine"]))
        for side, row in rows.items()
    ]
    verdicts = tuple(decisions[0][1])
    rates = " and ".join(
        f"{half['blasts_called']} of {half['blasts_seen']} blasts called, {half['others_cleared']} of "
        f"{half['others_seen']} others cleared"
        for half in result["rates"]
    )
    text = (
        f"**{entry['data']}** ({entry['role']}): {result['n_counts']} counts of {result['cells']} cells "
        f"from {result['distinct_blasts']} labelled blasts and {result['distinct_others']} other cells; the "
        f"halves: {rates}. Not found by the detector: {_percent(result['missed'])} %. Decided wrongly "
        f"outside a true 15 to 25 %: {result['wrong_beyond_doubt']}."
    )
    return "\n".join(
        [
            text,
            "",
            "| share | mean absolute error, points | bias, points | interval holds the truth, % |",
            "|:--|--:|--:|--:|",
            *(
                f"| {name} | {error['mean_absolute']:.2f} | {error['bias']:+.2f} | {_percent(coverage)} |"
                for name, error, coverage in shares
            ),
            "",
            f"| | {' | '.join(verdicts)} |",
            f"|:--|{'--:|' * len(verdicts)}",
            *(f"| {what} | {' | '.join(str(row[name]) for name in verdicts)} |" for what, row in decisions),
        ]
    )


def _between(text: str, begin: str, block: str, end: str) -> str:
    pattern = re.escape(begin) + ".*?" + re.escape(end)
    replaced, count = re.subn(pattern, lambda _: f"{begin}\n{block}\n{end}", text, flags=re.S)
    if count != 1:
        raise ValueError(f"expected one pair of marks {begin} {end}, found {count}")
    return replaced


def _rows(entry: Mapping[str, Any]) -> list[tuple[str, str, str, str]]:
    data, role, result = entry["data"], entry["role"], entry["result"]
    if entry["kind"] == "classifier":
        return [(name, data, role, text) for name, text in _classifier(result) if text]
    if entry["kind"] == "left_out":
        return [
            ("**blast or not, laboratory left out**", _left_out_name(name, one, result), role, _left_out(one))
            for name, one in result["laboratories"].items()
        ]
    if entry["kind"] not in _ONE_ROW:
        return []
    name, text_of = _ONE_ROW[entry["kind"]]
    return [(name, data, role, text_of(result))]


def _detector(result: Mapping[str, Any]) -> str:
    false_finds = f"{result['false_positives_per_field']:.3f} false finds a field"
    if not result["n_boxes"]:
        return f"{false_finds} ({result['n_fields']} fields without a leukocyte)"
    return (
        f"AP50 {_value(result['ap50'])}, recall {_value(result['recall'])}, precision "
        f"{_value(result['precision'])} ({result['n_boxes']} cells)"
    )


def _classifier(result: Mapping[str, Any]) -> list[tuple[str, str]]:
    blast, types, alone = result["blast"], result["types"], result["background_only"]
    both_kinds = blast["auc"] is not None
    blast_text = (
        f"AUC {_value(blast['auc'])} (background alone {_value(alone['auc'])}), sensitivity "
        f"{_value(blast['sensitivity'])}, specificity {_value(blast['specificity'])} "
        f"({result['n_cells']} cells)"
        if both_kinds
        else f"specificity {_value(blast['specificity'])} ({blast['n_others']} cells, no blasts among them)"
    )
    several = types["n"] and len(types["per_type"]) > 1
    type_text = (
        f"accuracy {_value(types['accuracy'])}, macro F1 {_value(types['macro_f1'])} ({types['n']} cells)"
        if several
        else ""
    )
    return [("blast or not", blast_text), ("types", type_text)]


def _left_out_name(fold: str, figures: Mapping[str, Any], result: Mapping[str, Any]) -> str:
    cells = "cells cut out on black" if fold in result["apart"] else figures["specimen"]
    return f"{figures['name']}: {cells}"


def _left_out(figures: Mapping[str, Any]) -> str:
    auc, sensitivity, specificity = (
        _value(figures.get(name, {}).get("value")) for name in ("auc", "sensitivity", "specificity")
    )
    return (
        f"AUC {auc} (background alone {_value(figures['background_auc'])}), sensitivity {sensitivity}, "
        f"specificity {specificity} ({figures['blasts']} blasts, {figures['others']} others)"
    )


def _patients(result: Mapping[str, Any]) -> str:
    error, sides = result["agreement"], result["sides"]
    if error is None or sides is None:
        return f"{result['n_patients']} patients of known state"
    over, under = (
        f"{row['measured_over']} of {row['measured_over'] + row['measured_not_over']}"
        for row in (sides["over_20"], sides["not_over_20"])
    )
    return (
        f"mean absolute error {error['mean_absolute_error']:.1f} points, bias {error['bias']:+.1f}; counted "
        f"over 20 %: {over} signed so, {under} signed otherwise"
    )


def _field_shares(result: Mapping[str, Any]) -> str:
    return (
        f"malignant against benign: AUC {_value(result['share_auc'])} (background alone "
        f"{_value(result['background_only']['auc'])}; {result['n_fields']} fields)"
    )


def _virtual(result: Mapping[str, Any]) -> str:
    share = result["corrected"] or result["counted"]
    return (
        f"mean absolute error {share['mean_absolute']:.2f} points, bias {share['bias']:+.2f} "
        f"({result['n_counts']} counts of {result['cells']} cells); {result['wrong_beyond_doubt']} decided "
        "wrongly outside a true 15 to 25 %"
    )


def _robustness(result: Mapping[str, Any]) -> str:
    return (
        f"cells counted change by at most {_percent(result['worst_count_change'])} %, the blast share by "
        f"{_percent(result['worst_share_change'])} points ({result['n_fields']} fields)"
    )


def _adapting(result: Mapping[str, Any]) -> str:
    return (
        f"balanced accuracy {_value(result['balanced_accuracy_before'])} before, "
        f"{_value(result['balanced_accuracy_after'])} after at most {result['cells_per_kind']} cells a kind"
    )


_ONE_ROW: Mapping[str, tuple[str, Callable[[Mapping[str, Any]], str]]] = {
    "detector": ("detector", _detector),
    "patients": ("**blast share of patients, laboratory left out**", _patients),
    "virtual": ("blast share of virtual counts", _virtual),
    "field_shares": ("blast share of whole fields", _field_shares),
    "robustness": ("the same fields changed", _robustness),
    "adapting": ("adapted", _adapting),
}
"""Kinds of evaluation that give one row: its title, and how its figures are put into words."""


def _headline_of_detector(entry: Mapping[str, Any]) -> tuple[str, str]:
    result = entry["result"]
    where = f"{result['n_boxes']} cells, one laboratory"
    return (
        "cells found; finds that are cells",
        f"{_percent(result['recall'])} %; {_percent(result['precision'])} % ({where})",
    )


def _headline_of_left_out(entry: Mapping[str, Any]) -> tuple[str, str]:
    result = entry["result"]
    judged = [one for name, one in result["laboratories"].items() if name not in result["apart"]]
    auc, sensitivity, specificity = (
        " to ".join(f"{bound:.2f}" for bound in (min(values), max(values)))
        for values in ([one[figure]["value"] for one in judged] for figure in _OF_LEFT_OUT)
    )
    apart = [result["laboratories"][name]["auc"]["value"] for name in result["apart"]]
    cut_out = f"; of cells cut out on black, AUC {min(apart):.2f}" if apart else ""
    return (
        f"blasts told from other cells, {len(judged)} laboratories left out of the training",
        f"AUC {auc}; sensitivity {sensitivity}, specificity {specificity}{cut_out}",
    )


def _headline_of_patients(entry: Mapping[str, Any]) -> tuple[str, str]:
    error = entry["result"]["agreement"]["mean_absolute_error"]
    return (
        f"a patient's counted blast share, {entry['result']['n_patients']} patients",
        f"off by {error:.1f} percentage points on average",
    )


def _headline_of_adapting(entry: Mapping[str, Any]) -> tuple[str, str]:
    result = entry["result"]
    most = result["cells_per_kind"]
    return (
        f"balanced accuracy for blasts, before and after adapting to at most {most} cells a kind",
        f"{_value(result['balanced_accuracy_before'])}, then {_value(result['balanced_accuracy_after'])}",
    )


_OF_LEFT_OUT = ("auc", "sensitivity", "specificity")
_HEADLINES: Mapping[str, Callable[[Mapping[str, Any]], tuple[str, str]]] = {
    "detector": _headline_of_detector,
    "left_out": _headline_of_left_out,
    "patients": _headline_of_patients,
    "adapting": _headline_of_adapting,
}
"""Kinds of evaluation whose figures of external sets are told first, and how."""


def _is_headline(entry: Mapping[str, Any]) -> bool:
    return entry["kind"] in _HEADLINES and entry["role"] == "external"


def _percent(value: float | None) -> str:
    return "–" if value is None else f"{100 * value:.1f}"


def _value(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"
