"""A plan (TOML): which sets a bundle is measured on, in which roles, and which bars it must reach.

A table per evaluation::

    [[evaluation]]
    kind = "classifier"        # one of `KINDS`
    data = "cells/lmu"         # relative to the data root
    role = "held out"          # held out, external, choosing
    part = "test"              # settings of the kind: the attributes of its test
    note = "a remark"          # optional

    [[evaluation.bar]]         # optional, as many as wanted
    what = "blast or not: balanced accuracy"
    figure = "blast.balanced_accuracy"
    at_least = 0.98
"""

import tomllib
from collections.abc import Callable, Collection, Mapping
from dataclasses import MISSING, dataclass, fields
from pathlib import Path
from typing import Any, Protocol

from marrowscope.errors import DatasetError
from marrowscope.evaluation.card.bars import Bar
from marrowscope.evaluation.card.model_card import Evaluation, Result, Role
from marrowscope.evaluation.card.tests import ClassifierTest, DetectorTest
from marrowscope.evaluation.counts.patients import PatientsTest
from marrowscope.evaluation.counts.virtual import VirtualTest
from marrowscope.evaluation.fields.robustness import RobustnessTest
from marrowscope.evaluation.fields.shares import FieldSharesTest
from marrowscope.evaluation.networks.adapting import AdaptingTest
from marrowscope.evaluation.networks.left_out import LeftOutTest
from marrowscope.models.bundle import Bundle

_NEW_WORDS = {"last_share": "take = [FROM, 1.0]"}
"""Settings of earlier plans, and what replaces them."""


class SetTest(Protocol):
    """Something that can be measured of a bundle on one set."""

    def measure(self, bundle: Bundle, threads: int = 1) -> Result:
        """Measure it."""


KINDS: Mapping[str, type[Any]] = {
    "detector": DetectorTest,
    "classifier": ClassifierTest,
    "field_shares": FieldSharesTest,
    "robustness": RobustnessTest,
    "adapting": AdaptingTest,
    "virtual": VirtualTest,
    "patients": PatientsTest,
    "left_out": LeftOutTest,
}


@dataclass(frozen=True)
class Planned:
    """One evaluation of a plan.

    Attributes
    ----------
    kind, dataset, role, note : as in the plan
    title : the set and which part of it, for print
    test : what measures it
    bars : what it must reach
    """

    kind: str
    dataset: str
    role: Role
    note: str
    title: str
    test: SetTest
    bars: tuple[Bar, ...]


def read_plan(plan: Path, data_root: Path, only: Collection[str] = ()) -> list[Planned]:
    """Read a plan; what is wrong with it is found before anything is measured.

    With `only`, nothing but the entries of these kinds.

    Raises
    ------
    DatasetError
        It cannot be read, or names a kind, role, setting or folder there is not; `only` does.
    """
    if unknown := sorted(set(only) - set(KINDS)):
        raise DatasetError(f"no such kind of evaluation: {', '.join(unknown)} (known: {', '.join(KINDS)})")
    try:
        entries = tomllib.loads(plan.read_text("utf-8"))["evaluation"]
    except (OSError, KeyError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise DatasetError(f"{plan} is no plan of evaluations: {error}") from error
    if not isinstance(entries, list):
        raise DatasetError(f"{plan} is no plan of evaluations: [[evaluation]] tables are missing")
    return [
        _planned(dict(entry), plan.parent, data_root)
        for entry in entries
        if not only or entry.get("kind") in only
    ]


def measure_plan(
    bundle: Bundle,
    plan: Path,
    data_root: Path,
    threads: int,
    say: Callable[[str], None],
    *,
    only: Collection[str] = (),
) -> list[Evaluation]:
    """Carry out the evaluations of a plan, one after the other; with `only`, those of these kinds.

    Raises
    ------
    DatasetError
        The plan cannot be read, a set of it is not there, or a kind is not known.
    """
    return [_measured(planned, bundle, threads, say) for planned in read_plan(plan, data_root, only)]


def _measured(planned: Planned, bundle: Bundle, threads: int, say: Callable[[str], None]) -> Evaluation:
    say(f"{planned.kind} on {planned.title} ...")
    result = planned.test.measure(bundle, threads)
    found = result.to_json()
    return Evaluation(
        planned.title,
        planned.role,
        result,
        planned.note,
        planned.dataset,
        tuple(bar.checked(found) for bar in planned.bars),
    )


def _planned(entry: dict[str, Any], plan_folder: Path, data_root: Path) -> Planned:
    kind, name, role, note = (str(entry.pop(key, "")) for key in ("kind", "data", "role", "note"))
    bars = tuple(Bar.of(bar) for bar in entry.pop("bar", []))
    if kind not in KINDS:
        raise DatasetError(f"the plan's entry for {name}: {kind!r} is none of {', '.join(KINDS)}")
    if not (data_root / name).exists() and "drawn" not in entry:
        raise DatasetError(f"no such folder: {data_root / name}")
    _check_settings(name, entry, KINDS[kind])
    title = _title(name, entry)
    if "file" in entry:
        entry["file"] = plan_folder / str(entry["file"])
        if not entry["file"].is_file():
            raise DatasetError(f"the plan's entry for {name}: no such file: {entry['file']}")
    return Planned(kind, name, _role(role), note, title, KINDS[kind](data_root / name, **entry), bars)


def _check_settings(name: str, entry: Mapping[str, Any], test: type[Any]) -> None:
    known = {
        field.name: field.default if field.default_factory is MISSING else None
        for field in fields(test)
        if field.name != "data"
    }
    if old := sorted(set(entry) & set(_NEW_WORDS)):
        raise DatasetError(f"the plan's entry for {name}: {old[0]} is now {_NEW_WORDS[old[0]]}")
    if unknown := sorted(set(entry) - set(known)):
        raise DatasetError(f"the plan's entry for {name} has unknown settings: {', '.join(unknown)}")
    if lacking := [key for key, default in known.items() if default is MISSING and key not in entry]:
        raise DatasetError(f"the plan's entry for {name} lacks {', '.join(lacking)}")


def _role(role: str) -> Role:
    for known in ("held out", "external", "choosing"):
        if role == known:
            return known
    raise DatasetError(f"role {role!r} is none of held out, external, choosing")


def _title(name: str, entry: Mapping[str, Any]) -> str:
    """Name a set and the part of it that is measured."""
    part = entry.get("split") or entry.get("part")
    if "sets" in entry:
        part = f"{' and '.join(entry['sets'])}, {part}" if part else " and ".join(entry["sets"])
    if "drawn" in entry:
        part = f"{entry['drawn']} drawn smears"
    if "last" in entry:
        part = f"last {entry['last']} fields"
    if "take" in entry:
        part = _taken(*entry["take"])
    if entry.get("counted"):
        part = ", ".join(filter(None, (part, "finds that are counted")))
    if "fields" in entry:
        part = f"{entry['fields']} fields"
    return name if part is None else f"{name} ({part})"


def _taken(first: float, last: float) -> str:
    """Name the part of a set between two fractions."""
    if last == 1.0:
        return f"last {100 * (1 - first):.0f} % of the fields"
    return f"{100 * first:.0f} to {100 * last:.0f} % of the fields"
