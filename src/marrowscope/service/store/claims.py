"""Claims: which server is at work on a row that waited, and until when this holds without a word of it."""

from collections.abc import Callable, Collection, Sequence
from datetime import datetime, timedelta

from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

from marrowscope.service.clock import now

QUEUED, RUNNING = "queued", "running"
WAITING = (QUEUED, RUNNING)
LEASE = timedelta(seconds=60)


class Leased:
    """Columns of a row that is a server's for a time.

    `owner` is the server at work on it, `lease_until` until when that holds unless renewed.
    """

    owner: Mapped[str | None] = mapped_column(String(100), default=None)
    lease_until: Mapped[datetime | None] = mapped_column(default=None)

    def lease(self, owner: str, lasting: timedelta = LEASE) -> None:
        """Make the row a server's."""
        self.owner, self.lease_until = owner, now() + lasting

    def let_go(self) -> None:
        """End the lease, whatever becomes of the row."""
        self.owner = self.lease_until = None


class Claimable(Leased):
    """Columns of a row that waits until a server claims it, and renews its claim while it is at work.

    `deaths` counts the worker processes that ended over it.
    """

    id: Mapped[str]
    status: Mapped[str] = mapped_column(String(16), default=QUEUED)
    deaths: Mapped[int] = mapped_column(default=0)

    def claim(self, owner: str) -> None:
        """Make the row a server's."""
        self.status = RUNNING
        self.lease(owner)

    def renew(self) -> None:
        """Let the claim hold for another `LEASE`."""
        self.lease_until = now() + LEASE

    def give_back(self) -> None:
        """Let the row wait again."""
        self.status = QUEUED
        self.let_go()

    def is_claimed_by(self, owner: str) -> bool:
        """Return whether the row is a server's still."""
        return self.status == RUNNING and self.owner == owner


def dead_owners(owners: Collection[str | None], owner: str, is_alive: Callable[[str], bool]) -> set[str]:
    """Return which owners are servers that are no longer alive; `owner` is the one that asks."""
    return {each for each in owners if each and each != owner and not is_alive(each)}


def give_back_abandoned(
    rows: Sequence[Claimable], owner: str, at_hand: Collection[str], dead: Collection[str]
) -> None:
    """Let running rows wait again whose server is dead, has been silent for too long, or lost its claim.

    Parameters
    ----------
    rows : those running
    owner : the server that asks
    at_hand : identifiers of what it has in progress; its other claims were lost
    dead : servers that are no longer alive
    """
    for row in rows:
        is_lost = row.owner == owner and row.id not in at_hand
        is_silent = row.owner != owner and (row.lease_until is None or row.lease_until < now())
        if is_lost or is_silent or row.owner in dead:
            row.give_back()
