"""How MkDocs reads this project's docstrings: after a parameter's colon stand words, not its type.

The types are in the signatures. The parser of numpydoc's sections takes what follows the colon for a type, so
here it is given back its place.
"""

from typing import Any

import griffe


class WordsAfterTheColon(griffe.Extension):
    """Make words of what the parser took for types, and take the types from the signatures."""

    def on_function(self, *, func: griffe.Function, **_: Any) -> None:
        """Mend the sections of a function's docstring."""
        for section in func.docstring.parsed if func.docstring else ():
            if isinstance(section, griffe.DocstringSectionParameters):
                for each in section.value:
                    types = {name: func.parameters[name].annotation for name in _names(each.name, func)}
                    _give_back(each, next(iter(types.values()), None))
            elif isinstance(section, griffe.DocstringSectionReturns):
                for returned in section.value:
                    _give_back(returned, func.returns)


def _names(told: str, func: griffe.Function) -> list[str]:
    return [name for name in told.split(", ") if name in func.parameters]


def _give_back(element: Any, annotation: Any) -> None:
    words = [str(part) for part in (element.annotation, element.description) if part]
    element.description, element.annotation = " ".join(words), annotation
