"""What the recipes of both networks share, and the one reader of recipe files.

A recipe is a frozen dataclass; its TOML file has a key for each field. Paths in the file are relative to a
data root, ``[[tables]]`` become dataclasses of their own, and what is unknown, missing or of another type is
refused in one line.
"""

import json
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, Field, asdict, dataclass, field, fields, is_dataclass
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, ClassVar, Literal, Self, TypeVar, Union, get_args, get_origin, get_type_hints

from marrowscope.errors import InputError
from marrowscope.models.bundle import ClassifierSettings, load_bundle
from marrowscope.training.device import Precision
from marrowscope.training.finished_run import has_run, read_run

T = TypeVar("T")
_STARTING_SETS = {"lite2": ("imagenet_efficientnet_lite2",)}

NEW_WORDS = {
    "um_per_px": "mpp",
    "root": "path",
    "ema_decay": "average",
    "warm_up_steps": "warm_up",
    "checkpoint_seconds": "checkpoint_minutes",
    "validate_every": "evaluate_steps",
}
"""Words of earlier recipes, and what they are called now."""


@dataclass(frozen=True)
class ImageSet:
    """A folder of images.

    Attributes
    ----------
    path : the folder
    mpp : micrometres per pixel of its images
    split : an official split of the set, where its layout names such
    set_id : ``set`` in a recipe: which set it is, for the bundle; recognised, or the folder's name, without
    """

    path: Path
    mpp: float
    split: str | None = None
    set_id: str = field(default="", metadata={"toml": "set"})

    def __post_init__(self) -> None:
        if self.mpp <= 0:
            raise InputError(f"{self.path}: mpp (micrometres per pixel) must be positive")


@dataclass(frozen=True, kw_only=True)
class TrainingRecipe:
    """What decides any training run.

    Attributes
    ----------
    start : where the weights come from, one of `STARTS`
    weights : with ``start = "weights"``, the file
    weights_trained_on : set ids of what these weights learned from, where no finished run stands beside them
    bundle : with ``start = "bundle"``, the bundle whose network is trained further
    steps : training steps; 0: the weights stay as they start, and what depends on them is fitted anew
    minutes : when given, the run ends after that time: the schedule follows steps or time, whichever is
        further
    batch : images in a step
    warm_up : steps in which the learning rate rises
    learning_rate, weight_decay : of AdamW (arXiv:1711.05101)
    average : how much of the averaged weights a step keeps
    evaluate_steps, evaluate_minutes : how often the averaged weights are evaluated, by either; and at the end
    checkpoint_minutes : how often a checkpoint is written; at the end always
    precision : of the convolutions
    threads : processor threads; one more prepares batches
    seed : of everything that is drawn
    """

    STARTS: ClassVar[tuple[str, ...]] = ("random", "weights", "bundle")
    MAY_CHANGE: ClassVar[frozenset[str]] = frozenset(
        {"steps", "minutes", "evaluate_steps", "evaluate_minutes", "checkpoint_minutes", "threads"}
    )
    """Settings that may change when a run is resumed."""

    start: str = "random"
    weights: Path | None = None
    weights_trained_on: tuple[str, ...] = ()
    bundle: str = "builtin"
    steps: int
    minutes: float | None = None
    batch: int = 16
    warm_up: int
    learning_rate: float
    weight_decay: float
    average: float = 0.998
    evaluate_steps: int | None = None
    evaluate_minutes: float | None = None
    checkpoint_minutes: float
    precision: Precision = "auto"
    threads: int = 1
    seed: int = 0

    def __post_init__(self) -> None:
        if self.start not in self.STARTS:
            raise InputError(f"start must be one of {', '.join(self.STARTS)}, not {self.start!r}")
        if (self.start == "weights") != (self.weights is not None):
            raise InputError("start = 'weights' and weights = FILE belong together")
        if self.steps < 0 or self.batch < 1 or self.warm_up < 0 or self.threads < 1:
            raise InputError("steps and warm_up must not be negative, batch and threads at least 1")
        if not 0 <= self.average < 1:
            raise InputError("average must be at least 0 and below 1")
        for name in ("minutes", "evaluate_steps", "evaluate_minutes"):
            value = getattr(self, name)
            if value is not None and value <= 0:
                raise InputError(f"{name} must be positive; leave it out for none")

    @classmethod
    def from_toml(cls, path: Path, data_root: Path, changes: Mapping[str, Any] | None = None) -> Self:
        """Read a recipe file.

        Parameters
        ----------
        path : TOML file
        data_root : what the paths in it are relative to
        changes : settings that replace those of the file, as a TOML table

        Raises
        ------
        InputError
            The file cannot be read; a setting is unknown, missing or wrong.
        """
        try:
            table = tomllib.loads(path.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
            raise InputError(f"{path}: cannot be read as TOML ({error})") from error
        return from_table(cls, _merged(table, changes or {}), data_root, str(path))

    def source_ids(self) -> tuple[str, ...]:
        """Give the set ids of the images that shape the weights, in order, each once."""
        raise NotImplementedError

    def plain(self) -> dict[str, Any]:
        """Give the settings as JSON values; a path as its name, so that data may have moved."""
        document: dict[str, Any] = json.loads(json.dumps(asdict(self), default=lambda path: path.name))
        return document

    def differences(self, other: Mapping[str, Any]) -> list[str]:
        """Name the settings, without those in `MAY_CHANGE`, that differ from a run's `plain` ones."""
        own = self.plain()
        names = [name for name in (*own, *(set(other) - set(own))) if name not in self.MAY_CHANGE]
        return [name for name in names if own.get(name) != other.get(name)]


def from_table(kind: type[T], table: Mapping[str, Any], data_root: Path, where: str) -> T:
    """Make a dataclass of a TOML table.

    Parameters
    ----------
    kind : the dataclass
    table : values by the names of its fields (or what their metadata call ``toml``)
    data_root : what paths are relative to
    where : begins an error's line

    Raises
    ------
    InputError
        A setting is unknown, missing or of another type, or the dataclass refuses it.
    """
    known = {_word(one): one for one in fields(kind)}  # type: ignore[arg-type] # T is a dataclass
    _refuse_unknown(table, known, where)
    hints = get_type_hints(kind)
    values = {
        known[word].name: _converted(value, hints[known[word].name], data_root, f"{where}: {word}")
        for word, value in table.items()
    }
    try:
        return kind(**values)
    except InputError as error:
        raise InputError(f"{where}: {error}") from error


def _word(one: Field[Any]) -> str:
    return str(one.metadata.get("toml", one.name))


def _refuse_unknown(table: Mapping[str, Any], known: Mapping[str, Field[Any]], where: str) -> None:
    for word in table:
        if word not in known and NEW_WORDS.get(word) in known:
            raise InputError(f"{where}: {word} is now called {NEW_WORDS[word]}")
    unknown = [word for word in table if word not in known]
    if unknown:
        raise InputError(f"{where}: unknown settings: {', '.join(sorted(unknown))}")
    missing = [
        word
        for word, one in known.items()
        if one.default is MISSING and one.default_factory is MISSING and word not in table
    ]
    if missing:
        raise InputError(f"{where}: lacks {', '.join(missing)}")


def _converted(value: Any, hint: Any, root: Path, where: str) -> Any:
    """Return a TOML value as the type of its field."""
    origin, arguments = get_origin(hint), get_args(hint)
    if origin in {Union, UnionType}:
        (inner,) = (one for one in arguments if one is not NoneType)
        return _converted(value, inner, root, where)
    if origin is Literal:
        return _plain(value, value in arguments, where, f"one of {', '.join(map(str, arguments))}")
    if origin is tuple:
        return _row(value, arguments, root, where)
    if is_dataclass(hint) and isinstance(hint, type):
        return from_table(hint, _plain(value, isinstance(value, Mapping), where, "a table"), root, where)
    return root / _scalar(value, str, where) if hint is Path else _scalar(value, hint, where)


def _scalar(value: Any, kind: type, where: str) -> Any:
    """Give a number, a text or a truth value; a whole number is a number, too."""
    names = {float: "a number", int: "a whole number", str: "a text", bool: "true or false"}
    is_kind = isinstance(value, int | float if kind is float else kind)
    is_right = is_kind and (kind is bool or not isinstance(value, bool))
    return kind(_plain(value, is_right, where, names[kind]))


def _plain(value: T, is_right: bool, where: str, wanted: str) -> T:
    if not is_right:
        raise InputError(f"{where} must be {wanted}, not {value!r}")
    return value


def _row(value: Any, kinds: Sequence[Any], root: Path, where: str) -> tuple[Any, ...]:
    """Give a list as a tuple: of any length, or of as many values as there are kinds."""
    items = _plain(value, isinstance(value, list | tuple), where, "a list")
    if kinds[-1] is Ellipsis:
        return tuple(_converted(item, kinds[0], root, where) for item in items)
    _plain(value, len(items) == len(kinds), where, f"{len(kinds)} values")
    return tuple(_converted(item, kind, root, where) for item, kind in zip(items, kinds, strict=True))


def _merged(table: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """Give a table with changes in it; a table in both is merged likewise."""
    both = dict(table)
    for word, value in changes.items():
        old = both.get(word)
        is_table = isinstance(old, Mapping) and isinstance(value, Mapping)
        both[word] = _merged(old, value) if is_table else value  # type: ignore[arg-type] # both are mappings
    return both


def sets_behind(recipe: TrainingRecipe) -> tuple[str, ...]:
    """Give the set ids behind the weights of a run: of its images, and of the weights it starts from."""
    return tuple(dict.fromkeys((*recipe.source_ids(), *_starting_sets(recipe))))


def _starting_sets(recipe: TrainingRecipe) -> tuple[str, ...]:
    if recipe.start == "bundle":
        return load_bundle(recipe.bundle).trained_on
    if recipe.weights is None:
        return _STARTING_SETS.get(recipe.start, ())
    if recipe.weights_trained_on:
        return recipe.weights_trained_on
    folder = recipe.weights.parent
    if has_run(folder, ClassifierSettings):
        return read_run(folder, ClassifierSettings).trained_on
    return (recipe.weights.stem,)
