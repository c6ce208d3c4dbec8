"""The bundles an analysis may use: built-in ones, those the settings name, and those taught here."""

import threading
from collections.abc import Iterator
from pathlib import Path

from marrowscope.models.bundle import SETTINGS, SUMS, Bundle, list_builtin, load_bundle
from marrowscope.service.errors import NotFoundError
from marrowscope.service.settings import Settings


class Bundles:
    """Verified bundles by identifier.

    Each is verified at first use and again when its list of digests changes on disk; worker
    processes verify it at every load.

    Parameters
    ----------
    settings : the fixed bundle, further folders, and the folder of taught ones

    Attributes
    ----------
    fixed : identifier of the bundle that the settings name for new analyses, None where they name none
    """

    def __init__(self, settings: Settings) -> None:
        self._given: dict[str, str | Path] = {name: name for name in list_builtin()}
        for folder in settings.bundle_folders:
            self._given.update(_below(folder))
        self._taught = settings.bundle_folder
        self.fixed = settings.bundle
        if self.fixed is not None and self.fixed not in self._given:
            folder = Path(self.fixed)
            self.fixed = folder.name
            self._given[self.fixed] = folder
        self._lock = threading.Lock()
        self._known: dict[str, tuple[float, Bundle]] = {}

    def __iter__(self) -> Iterator[str]:
        return iter(self._sources())

    def get(self, name: str) -> Bundle:
        """Return a bundle.

        Raises
        ------
        NotFoundError
            The installation has no bundle of this name.
        BundleError
            It is altered or not readable.
        """
        sources = self._sources()
        source = sources.get(name)
        if source is None:
            raise NotFoundError(f"no bundle {name}: choose one of {', '.join(sources)}")
        with self._lock:
            known = self._known.get(name)
            if known is not None and known[0] == _written(known[1].folder):
                return known[1]
            bundle = load_bundle(source)
            self._known[name] = _written(bundle.folder), bundle
            return bundle

    def _sources(self) -> dict[str, str | Path]:
        """Return where each bundle is; another server may have taught one since."""
        return {**_below(self._taught), **self._given}


def _below(folder: Path) -> dict[str, Path]:
    """Return the bundles in a folder, which may be a bundle itself."""
    if (folder / SETTINGS).is_file():
        return {folder.name: folder}
    return {path.parent.name: path.parent for path in sorted(folder.glob(f"*/{SETTINGS}"))}


def _written(folder: Path) -> float:
    try:
        return (folder / SUMS).stat().st_mtime
    except OSError:
        return -1.0
