"""The work of worker processes: they keep networks in memory and read fields with them.

Functions are sent to workers by name and their arguments are pickled, so that they run on this machine and on
a cluster alike.
"""

import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from marrowscope.domain.scale import ScaleBySize
from marrowscope.errors import BundleError
from marrowscope.models.bundle import load_bundle
from marrowscope.models.memory import keep_memory
from marrowscope.pipeline import FieldReader, FieldResult, FieldTask, ReadingSettings, load_field

_BUNDLES_KEPT = 2  # in the memory of one worker
_lock = threading.Lock()  # a cluster's worker may read several fields at the same time
_readers: OrderedDict[tuple[Path, str, int], FieldReader] = OrderedDict()


@dataclass(frozen=True)
class Networks:
    """The networks to read with, and their settings.

    Attributes
    ----------
    bundle : folder of the bundle
    sha256 : digest that the bundle must have
    settings : settings that affect the reading
    threads : processor threads used inside each network
    """

    bundle: Path
    sha256: str
    settings: ReadingSettings
    threads: int = 1


def read_field(networks: Networks, task: FieldTask) -> FieldResult:
    """Read one field.

    Raises
    ------
    BundleError
        The bundle is not the requested one.
    """
    reader = reader_of(networks)
    return reader.read(task, load_field(task, networks.settings.limits))


def measure_scales(networks: Networks, sample: Sequence[FieldTask]) -> ScaleBySize:
    """Measure the scale of each image size on a sample of a patient's fields.

    Raises
    ------
    BundleError
        The bundle is not the requested one.
    """
    return reader_of(networks).measure_patient(sample)


def reader_of(networks: Networks) -> FieldReader:
    """Return this process's reader with these networks, which are loaded once.

    Raises
    ------
    BundleError
        The bundle is not the requested one.
    """
    key = networks.bundle, networks.sha256, networks.threads
    with _lock:
        if key not in _readers:
            bundle = load_bundle(str(networks.bundle))
            if bundle.sha256 != networks.sha256:
                raise BundleError(f"the bundle {bundle.name} is not the one requested for the analysis")
            while len(_readers) >= _BUNDLES_KEPT:
                _readers.popitem(last=False)
            keep_memory()
            _readers[key] = FieldReader(bundle, networks.settings, networks.threads)
        _readers.move_to_end(key)
        return _readers[key].with_settings(networks.settings)
