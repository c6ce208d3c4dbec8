"""The bundles an analysis may use: built-in ones and those the settings name."""

import threading
from collections.abc import Iterator
from pathlib import Path

from marrowscope.models.bundle import DEFAULT_NAME, SETTINGS, SUMS, Bundle, list_builtin, load_bundle
from marrowscope.service.errors import NotFoundError
from marrowscope.service.settings import Settings


class Bundles:
    """Verified bundles by identifier.

    Each is verified at first use and again when its list of digests changes on disk; worker
    processes verify it at every load.

    Parameters
    ----------
    settings : the default bundle and further folders
    """

    def __init__(self, settings: Settings) -> None:
        self._sources: dict[str, str | Path] = {name: name for name in list_builtin()}
        for folder in settings.bundle_folders:
            self._sources.update(_below(folder))
        self.default = settings.bundle or DEFAULT_NAME
        if self.default not in self._sources:
            folder = Path(self.default)
            self.default = folder.name
            self._sources[self.default] = folder
        self._lock = threading.Lock()
        self._known: dict[str, tuple[float, Bundle]] = {}

    def __iter__(self) -> Iterator[str]:
        return iter(self._sources)

    def get(self, name: str | None = None) -> Bundle:
        """Return a bundle, the default one for None.

        Raises
        ------
        NotFoundError
            The installation has no bundle of this name.
        BundleError
            It is altered or not readable.
        """
        name = name or self.default
        source = self._sources.get(name)
        if source is None:
            raise NotFoundError(f"no bundle {name}: choose one of {', '.join(self._sources)}")
        with self._lock:
            known = self._known.get(name)
            if known is not None and known[0] == _written(known[1].folder):
                return known[1]
            bundle = load_bundle(source)
            self._known[name] = _written(bundle.folder), bundle
            return bundle


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
