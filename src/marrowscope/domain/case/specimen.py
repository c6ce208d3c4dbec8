"""The specimen of a smear. It is asked for and never guessed from the cells."""

from enum import StrEnum

from marrowscope.errors import InputError


class Specimen(StrEnum):
    """Material on the slide.

    A blood differential is per 100 leukocytes: erythroblasts are not in it, and are given per 100 leukocytes.
    A marrow differential is of all nucleated cells. Where the specimen is not stated, cells are counted as
    in marrow.
    """

    MARROW = "marrow"
    BLOOD = "blood"
    NOT_STATED = "not stated"

    @property
    def counted(self) -> str:
        """What is counted of it, one of them."""
        return "leukocyte" if self is Specimen.BLOOD else "nucleated cell"


_WORDS = {
    Specimen.MARROW: ("marrow", "bone marrow", "marrow aspirate", "bone marrow aspirate", "aspirate", "bm"),
    Specimen.BLOOD: ("blood", "peripheral blood", "blood film", "blood smear", "pb"),
    Specimen.NOT_STATED: ("", "not stated", "unknown"),
}


def specimen_named(text: str) -> Specimen | None:
    """Return the specimen that a word means, in any case, None if it means none."""
    wanted = " ".join(text.replace("_", " ").replace("-", " ").split()).casefold()
    return next((specimen for specimen, words in _WORDS.items() if wanted in words), None)


def known_specimen(text: str) -> Specimen:
    """Return the specimen that a word means, in any case.

    Raises
    ------
    InputError
        It means none.
    """
    specimen = specimen_named(text)
    if specimen is None:
        raise InputError(f"no specimen {text}: choose marrow or blood")
    return specimen
