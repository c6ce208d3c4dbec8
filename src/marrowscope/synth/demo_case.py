"""The demo case: one synthetic patient's fields as files, to try the review page on."""

from functools import cache

from marrowscope.errors import InputError
from marrowscope.imaging.jpeg import jpeg_bytes
from marrowscope.synth.patient import draw_patient

FIELDS = 8
_SEED = 26
_CELLS = 360
_BLAST_SHARE = 0.22
_QUALITY = 92


def demo_field(number: int) -> bytes:
    """Return a field of the demo case as JPEG that states its scale; `number` from 1 to `FIELDS`.

    Raises
    ------
    InputError
        There is no such field.
    """
    if not 1 <= number <= FIELDS:
        raise InputError(f"the demo case has fields 1 to {FIELDS}")
    return _fields()[number - 1]


@cache
def _fields() -> tuple[bytes, ...]:
    drawn = draw_patient(_SEED, blast_share=_BLAST_SHARE, cells=_CELLS, fields=FIELDS).fields
    return tuple(jpeg_bytes(field.pixels, _QUALITY, field.mpp) for field in drawn)
