"""The first account of an installation, made on the page by whoever reads the server's terminal or log."""

from secrets import choice

from sqlalchemy import select
from sqlalchemy.orm import Session

from marrowscope.errors import InputError
from marrowscope.service.accounts.users import add_user
from marrowscope.service.actors import SYSTEM
from marrowscope.service.errors import ConflictError, ForbiddenError
from marrowscope.service.secrets import same
from marrowscope.service.store.tables.accounts import User

_LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"  # none that is taken for another
_GROUPS, _GROUP = 3, 4


def new_code() -> str:
    """Return a code for the terminal, such as ``K7QM-2HXA-9RPB``: 60 random bits."""
    return "-".join("".join(choice(_LETTERS) for _ in range(_GROUP)) for _ in range(_GROUPS))


def is_set_up(session: Session) -> bool:
    """Return whether there is an account."""
    return session.scalar(select(User.id).limit(1)) is not None


def first_administrator(
    session: Session, expected: str | None, *, code: str, username: str, name: str, password: str
) -> User:
    """Create the first administrator.

    Parameters
    ----------
    session : writing, so that two requests at once do not both succeed
    expected : the code that the server printed when it started; None where it printed none
    code : the code that was typed

    Raises
    ------
    ConflictError
        There is an account already.
    ForbiddenError
        The code is not the one the server printed.
    InputError
        The name or the password is not valid.
    """
    if is_set_up(session):
        raise ConflictError("there is an account already; an administrator adds others")
    typed = code.strip().upper().replace(" ", "")
    if expected is None or not same(typed, expected):
        raise ForbiddenError("this is not the code that the server printed when it was started")
    if not password:
        raise InputError("give a password")
    return add_user(session, SYSTEM, username, name, role="admin", password=password)
