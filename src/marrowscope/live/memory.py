"""What a live count keeps in memory, because it asks for all of it after every image."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from marrowscope.engines.looking import Looker
from marrowscope.imaging.files.sources import FieldSource
from marrowscope.imaging.versions import Version
from marrowscope.planning import Look, Looked


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
