"""Users, for administrators."""

from typing import Annotated

from fastapi import APIRouter
from pydantic import Field, StrictBool, StringConstraints

from marrowscope.service.accounts import users
from marrowscope.service.actors import Role
from marrowscope.service.rest.dependencies import Admin, Transaction
from marrowscope.service.rest.shapes import Id, Line, Page, Shape, UserShape

router = APIRouter(tags=["users"])

_Username = Annotated[
    str, StringConstraints(strip_whitespace=True, to_lower=True, pattern="^[A-Za-z0-9][A-Za-z0-9._@-]{0,99}$")
]
_Password = Annotated[str, Field(min_length=10, max_length=1000)]


class NewUser(Shape):
    """An account to create."""

    username: _Username
    name: Line
    role: Role
    password: _Password


class UserChange(Shape):
    """Changes to an account; absent members stay as they are."""

    name: Line | None = None
    role: Role | None = None
    active: StrictBool | None = None
    password: _Password | None = None


@router.get("/users")
def list_users(session: Transaction, actor: Admin) -> Page[UserShape]:
    """List all accounts."""
    del actor
    return Page(items=[UserShape.of(user) for user in users.list_users(session)])


@router.post("/users", status_code=201)
def add_user(new: NewUser, session: Transaction, actor: Admin) -> UserShape:
    """Create an account."""
    made = users.add_user(session, actor, new.username, new.name, role=new.role, password=new.password)
    return UserShape.of(made)


@router.patch("/users/{user_id}")
def change_user(user_id: Id, change: UserChange, session: Transaction, actor: Admin) -> UserShape:
    """Change an account; a new role, password or state ends its sessions."""
    changed = users.change_user(
        session,
        actor,
        user_id,
        name=change.name,
        role=change.role,
        active=change.active,
        password=change.password,
    )
    return UserShape.of(changed)
