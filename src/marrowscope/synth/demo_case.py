"""The demo case: one synthetic patient's fields as files, to try the review page on."""

import io
from functools import cache

from PIL import Image

from marrowscope.errors import InputError
from marrowscope.synth.patient import draw_patient

FIELDS = 8
_SEED = 26
_CELLS = 360
_BLAST_SHARE = 0.22
_QUALITY = 92
_UM_PER_INCH = 25_400


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
    drawn = []
    for field in draw_patient(_SEED, blast_share=_BLAST_SHARE, cells=_CELLS, fields=FIELDS).fields:
        stream = io.BytesIO()
        resolution = (_UM_PER_INCH / field.mpp,) * 2
        Image.fromarray(field.pixels).save(stream, "JPEG", quality=_QUALITY, dpi=resolution)
        drawn.append(stream.getvalue())
    return tuple(drawn)
