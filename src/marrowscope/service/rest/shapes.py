"""JSON shapes shared by the routers."""

from datetime import datetime
from typing import Annotated, Generic, Literal, Self, TypeVar

from fastapi import Path, Query
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, PlainSerializer, StringConstraints

from marrowscope.domain.scale import LARGEST_MPP, LEAST_MPP
from marrowscope.imaging.names import composed
from marrowscope.service.actors import ANYBODY, Actor, Role
from marrowscope.service.clock import iso
from marrowscope.service.store.tables.accounts import User

API = "/api/v1"
ID_PATTERN = "^[0-9a-f]{32}$"
Id = Annotated[str, Path(pattern=ID_PATTERN)]
"""An identifier in the path."""
BodyId = Annotated[str, Field(pattern=ID_PATTERN)]
"""An identifier in a body."""
Mpp = Annotated[float, Field(ge=LEAST_MPP, le=LARGEST_MPP, allow_inf_nan=False)]
"""Micrometres per pixel."""
Limit = Annotated[int, Query(ge=1, le=5000)]
Cursor = Annotated[str | None, Query(max_length=500, pattern="^[A-Za-z0-9_-]+$")]
Instant = Annotated[datetime, PlainSerializer(iso, return_type=str)]
"""A time, written as ISO 8601 in UTC with `Z`."""
Verdict = Literal["positive", "negative", "indeterminate", "insufficient"]
"""A decision, as in `patients.csv`."""
SpecimenName = Literal["marrow", "blood", "not stated"]
"""A specimen, as in `patients.csv`."""


def _printable(text: str) -> str:
    if not text.isprintable():
        raise ValueError("it must be one line of printable characters")
    return text


def one_line(text: str) -> str:
    """Refuse what cannot be printed in one line."""
    return composed(_printable(text))


def without_control(text: str) -> str:
    """Refuse control characters, but line ends and tabs."""
    if any(not c.isprintable() and c not in "\n\t" for c in text):
        raise ValueError("it must not hold control characters")
    return text


Line = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200), AfterValidator(one_line)
]
"""One printable line: names, reasons."""
Paragraph = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=4000),
    AfterValidator(without_control),
]
"""Free text of several lines: comments."""

Password = Annotated[str, Field(min_length=1, max_length=1000)]
"""A password that is to be checked, whatever it is made of."""

T = TypeVar("T")


class Shape(BaseModel):
    """Base of every JSON object received or sent; unknown members are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, from_attributes=True)


class Page(Shape, Generic[T]):
    """Part of a list, and the cursor of the next part."""

    items: list[T]
    next: str | None = None


class UserShape(Shape):
    """A user, without secrets. While authentication is off there is one user, `local`."""

    id: str
    username: str
    name: str
    role: Role
    active: bool
    created_at: Instant | None
    last_seen_at: Instant | None

    @classmethod
    def of(cls, user: User | None, actor: Actor = ANYBODY) -> Self:
        """Return the shape of an account, or of `actor` if there is none."""
        if user is not None:
            return cls.model_validate(user)
        return cls(
            id=actor.username,
            username=actor.username,
            name=actor.name,
            role=actor.role,
            active=True,
            created_at=None,
            last_seen_at=None,
        )


class Problem(BaseModel):
    """An error (RFC 9457)."""

    model_config = ConfigDict(extra="allow")

    type: str
    title: str
    status: int
    detail: str
    instance: str
