"""What a live count keeps in memory, because it asks for all of it after every image."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from marrowscope.domain.patient import FieldReading
from marrowscope.engines.looking import Looker
from marrowscope.imaging.files.sources import FieldSource
from marrowscope.imaging.versions import Version
from marrowscope.journal import Journal
from marrowscope.pipeline import FieldTask
from marrowscope.planning import Look, Looked


class RememberingJournal(Journal):
    """A journal that reads every record once."""

    _known: dict[tuple[str, str, str], FieldReading]

    def find(self, task: FieldTask) -> FieldReading | None:
        """Return the reading of a field, None if it is not recorded whole."""
        key = task.patient, task.source.name, task.sha256
        if key not in self._known:
            reading = super().find(task)
            if reading is None:
                return None
            self._known[key] = reading
        return self._known[key]

    def _open(self, settings: dict[str, str], *, resume: bool) -> None:
        super()._open(settings, resume=resume)
        self._known = {}


class RememberingLooker:
    """Looks at a file once, and again only when it has changed.

    Parameters
    ----------
    looker : looks at files
    versions : returns what is known of the files' sizes and times
    """

    def __init__(self, looker: Looker, versions: Callable[[], Mapping[Path, Version]]) -> None:
        self._looker = looker
        self._versions = versions
        self._known: dict[FieldSource, tuple[Version | None, tuple[Looked, ...]]] = {}

    def begin(self, entries: Sequence[FieldSource], /) -> Look:
        """Begin to look at the files that are new or have changed."""
        versions = self._versions()
        now = {entry: versions.get(entry.path) for entry in entries}
        fresh = [
            entry for entry in entries if entry not in self._known or self._known[entry][0] != now[entry]
        ]
        look_at = self._looker.begin(fresh)
        waiting = set(fresh)

        def outcome(entry: FieldSource) -> tuple[Looked, ...]:
            if entry in waiting:
                self._known[entry] = now[entry], tuple(look_at(entry))
            return self._known[entry][1]

        return outcome
