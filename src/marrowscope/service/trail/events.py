"""Notification of listeners: after every commit, the patients and analyses that changed."""

import threading
from collections.abc import Callable, Iterable
from typing import Literal, NamedTuple

from sqlalchemy.orm import Session

from marrowscope.service.store.engine import Database
from marrowscope.service.store.tables.analyses import Analysis
from marrowscope.service.store.tables.patients import Patient

Kind = Literal["analysis", "patient"]
_CHANGED = "marrowscope_changed"


class Change(NamedTuple):
    """A changed patient or analysis."""

    kind: Kind
    id: str


Listener = Callable[[Iterable[Change]], None]


class Broadcaster:
    """Passes changes of a database on to listeners, in the committing thread; listeners must be quick.

    Parameters
    ----------
    database : whose commits are observed
    """

    def __init__(self, database: Database) -> None:
        self._listeners: set[Listener] = set()
        self._lock = threading.Lock()
        database.listen("after_flush", self._note)
        database.listen("after_commit", self._publish)
        database.listen("after_rollback", self._discard)

    def add(self, listener: Listener) -> None:
        """Add a listener."""
        with self._lock:
            self._listeners.add(listener)

    def remove(self, listener: Listener) -> None:
        """Remove a listener."""
        with self._lock:
            self._listeners.discard(listener)

    @staticmethod
    def _note(session: Session, context: object) -> None:
        del context
        changed: dict[Change, None] = session.info.setdefault(_CHANGED, {})
        for touched in (*session.new, *session.dirty, *session.deleted):
            if isinstance(touched, Analysis):
                changed[Change("analysis", touched.id)] = None
            elif isinstance(touched, Patient):
                changed[Change("patient", touched.id)] = None

    def _publish(self, session: Session) -> None:
        changed = tuple(session.info.pop(_CHANGED, ()))
        if changed:
            with self._lock:
                listeners = tuple(self._listeners)
            for listener in listeners:
                listener(changed)

    @staticmethod
    def _discard(session: Session) -> None:
        session.info.pop(_CHANGED, None)
