"""The sender: a thread that empties the outbox.

Killed at any time, it loses nothing: what was not recorded as sent is claimed again when its lease has ended.
"""

from collections.abc import Callable

import structlog
from sqlalchemy.orm import Session

from marrowscope.errors import MarrowscopeError
from marrowscope.service.clock import new_id
from marrowscope.service.exchange import outbox
from marrowscope.service.exchange.targets import RefusedError, target_of
from marrowscope.service.jobs.rounds import Rounds
from marrowscope.service.settings import Settings
from marrowscope.service.store.engine import Database

_log = structlog.get_logger("marrowscope.jobs")
_ROUND_S = 1.0
Recorder = Callable[[Session, str, str, str], None]


class Sender(Rounds):
    """Sends signed reports to where the settings say.

    Parameters
    ----------
    settings : of the installation
    database : holds the outbox
    """

    def __init__(self, settings: Settings, database: Database) -> None:
        super().__init__("sender", "sending", _ROUND_S)
        self._settings = settings
        self._database = database
        self._owner = new_id()

    def send_one(self) -> bool:
        """Send what is due, if anything is; return whether something was."""
        with self._database.reading() as session:
            if not outbox.has_work(session):
                return False
        with self._database.writing() as session:
            posted = outbox.claim(session, self._owner)
        if posted is None:
            return False
        settings = self._settings
        token = settings.outbox_token
        try:
            target_of(
                posted.target,
                file_format=settings.outbox_format,
                # A token is for the server that the settings name, and for no other.
                token=token.get_secret_value() if token and posted.target == settings.outbox else None,
                seconds=settings.outbox_seconds,
            ).send(outbox.letter_of(posted.document))
        except RefusedError as error:
            _log.warning("report refused", delivery=posted.id)  # why may name a patient: the database has it
            self._note(outbox.refused, posted.id, str(error))
        except MarrowscopeError as error:
            _log.warning("report not sent", delivery=posted.id)
            self._note(outbox.postponed, posted.id, str(error))
        except Exception as error:  # noqa: BLE001 (one report must not stop the others)
            _log.error("sending failed unexpectedly", exc_info=error)
            self._note(outbox.postponed, posted.id, f"sending failed unexpectedly ({type(error).__name__})")
        else:
            with self._database.writing() as session:
                outbox.sent(session, self._owner, posted.id)
        return True

    def _note(self, record: Recorder, delivery_id: str, reason: str) -> None:
        with self._database.writing() as session:
            record(session, self._owner, delivery_id, reason)

    def _round(self) -> None:
        while self.send_one() and not self._stops.is_set():
            pass
