"""Conversion of domain values to JSON and back, by the fields of their dataclasses.

No field is listed by hand, so none can be forgotten: new fields are written automatically, and documents
written without them are read with their defaults. Numbers keep all digits.
"""

import math
from collections.abc import Callable
from enum import StrEnum
from typing import Any, TypeVar, get_args, get_origin

import numpy as np
import numpy.typing as npt
from cattrs import Converter
from cattrs.errors import CattrsError
from cattrs.gen import make_dict_structure_fn, override

from marrowscope.domain.cells import Cells
from marrowscope.domain.decision import Clustering
from marrowscope.domain.patient import FieldReading, PatientReading
from marrowscope.errors import DamagedRecordError

T = TypeVar("T")


def to_json(value: object) -> Any:
    """Return a value as dictionaries, lists, strings and numbers for JSON."""
    return _converter.unstructure(value)


def from_json(document: object, kind: type[T]) -> T:
    """Return the value of this type from the output of `to_json`.

    Raises
    ------
    DamagedRecordError
        The document does not contain such a value.
    """
    try:
        return _converter.structure(document, kind)
    except (AttributeError, CattrsError, LookupError, TypeError, ValueError) as error:
        name = getattr(kind, "__name__", "value")
        raise DamagedRecordError(f"the record of a {name} cannot be read: {error}") from error


def _is_array(kind: Any) -> bool:
    return get_origin(kind) is np.ndarray


def _array(document: Any, kind: Any) -> npt.NDArray[Any]:
    (dtype,) = get_args(get_args(kind)[1])
    return np.asarray(document, dtype)


def _boxes(document: Any, _: Any) -> npt.NDArray[np.float32]:
    return np.asarray(document, np.float32).reshape(-1, 4)  # an empty list has no second dimension


def _number(document: Any, _: Any) -> float:
    # A document of the first format wrote null where a number was infinite.
    return math.inf if document is None else float(document)


def _as_json(number: float) -> float | str:
    """Return a number, or its name where JSON has no such number; `float` reads both."""
    return number if math.isfinite(number) else str(number)


def _field_reading(document: dict[str, Any], kind: type[FieldReading]) -> FieldReading:
    """Return a field's reading; earlier versions wrote its scale as two members."""
    if "scale_source" in document:
        document = dict(document)
        mpp, source = document.pop("mpp"), document.pop("scale_source")
        document["scale"] = None if mpp is None else {"mpp": mpp, "source": source}
    return _structure_field_reading(document, kind)


def _without(*left_out: str) -> Callable[[dict[str, Any], type[Any]], Any]:
    """Return a function that reads a value of which earlier versions wrote members that no value has now."""

    def read(document: dict[str, Any], kind: type[Any]) -> Any:
        kept = {name: value for name, value in document.items() if name not in left_out}
        return make_dict_structure_fn(kind, _converter)(kept, kind)

    return read


_converter = Converter(forbid_extra_keys=True, detailed_validation=False)
_converter.register_unstructure_hook_func(_is_array, lambda array: array.tolist())
_converter.register_structure_hook_func(_is_array, _array)
_converter.register_unstructure_hook(StrEnum, lambda member: member.value)
_converter.register_structure_hook(float, _number)
_converter.register_unstructure_hook(float, _as_json)
_converter.register_structure_hook(
    Cells, make_dict_structure_fn(Cells, _converter, boxes=override(struct_hook=_boxes))
)
_structure_field_reading = make_dict_structure_fn(FieldReading, _converter)
_converter.register_structure_hook(FieldReading, _field_reading)
_converter.register_structure_hook(PatientReading, _without("share_from_probabilities", "rates"))
_converter.register_structure_hook(Clustering, _without("measured_icc"))
