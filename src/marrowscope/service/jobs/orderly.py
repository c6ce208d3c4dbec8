"""The orderly: a thread that takes orders from a folder into which the hospital's system puts them.

A file is taken whole or not at all, then moved to `done`, or to `failed` beside a text that says why; none
keeps the others waiting. One that was taken by a server that died before it was moved is taken again, which
changes nothing.
"""

import time
from pathlib import Path

import structlog
from sqlalchemy.exc import DataError, DBAPIError

from marrowscope.errors import MarrowscopeError
from marrowscope.exports.atomic import write_atomic
from marrowscope.service.exchange.orders import SUFFIXES, read_orders, take
from marrowscope.service.jobs.rounds import Rounds
from marrowscope.service.store.engine import Database, wait_for_others

_log = structlog.get_logger("marrowscope.jobs")
_ROUND_S = 2.0
_TAKING_ORDERS = 5_204_652  # of `wait_for_others`
_SETTLED_S = 2.0  # a file that was changed later may not be whole yet
DONE, FAILED = "done", "failed"


class Orderly(Rounds):
    """Takes orders.

    Parameters
    ----------
    folder : where they come; made if it is not there
    database : where patients are entered
    authority : whose patient numbers count
    """

    def __init__(self, folder: Path, database: Database, authority: str) -> None:
        super().__init__("orderly", "taking orders", _ROUND_S)
        self._folder = folder
        self._database = database
        self._authority = authority

    def take_all(self, settled_s: float = _SETTLED_S) -> int:
        """Take the files that are there, the oldest first; return how many could be taken.

        Parameters
        ----------
        settled_s : files that were changed later than this many seconds ago are left for the next time
        """
        self._folder.mkdir(parents=True, exist_ok=True)
        latest = time.time() - settled_s
        files = [
            path for path in self._folder.iterdir() if path.suffix.lower() in SUFFIXES and path.is_file()
        ]
        ready = [(path.stat().st_mtime, path) for path in files]
        return sum(self._take(path) for changed, path in sorted(ready) if changed <= latest)

    def _take(self, path: Path) -> bool:
        try:
            return self._put_away(path)
        except OSError as error:  # its place is taken, or another program has it open
            _log.warning("a file of orders cannot be moved", error=type(error).__name__)
            return False

    def _put_away(self, path: Path) -> bool:
        fault = self._fault_of(path)
        if fault is None:
            self._move(path, DONE)
            return True
        _log.warning("an order cannot be taken; see the folder of failed ones")
        self._move(path, FAILED)
        write_atomic(self._folder / FAILED / f"{path.name}.txt", f"{fault}\n".encode())
        return False

    def _fault_of(self, path: Path) -> str | None:
        """Enter the orders of a file; return why none of them can be."""
        try:
            orders = read_orders(path, self._authority)
            with self._database.writing() as session:
                wait_for_others(session, _TAKING_ORDERS)  # who may have this file in hand
                for order in orders:
                    take(session, order)
        except MarrowscopeError as error:
            return str(error)
        except DataError:
            return "the database cannot hold what an order states"
        except DBAPIError:  # it is away, and the file waits for it
            raise
        except Exception as error:  # noqa: BLE001 (one file must not stop the others)
            _log.error("taking an order failed unexpectedly", exc_info=error)
            return f"taking it failed unexpectedly ({type(error).__name__})"
        _log.info("orders taken", number=len(orders))
        return None

    def _move(self, path: Path, to: str) -> None:
        target = self._folder / to
        target.mkdir(exist_ok=True)
        path.replace(target / path.name)

    def _round(self) -> None:
        try:
            self.take_all()
        except OSError as error:
            _log.warning("the folder of orders cannot be used", error=type(error).__name__)
