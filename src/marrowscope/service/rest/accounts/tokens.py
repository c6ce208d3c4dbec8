"""API tokens of the logged-in user."""

from typing import Annotated

from fastapi import APIRouter
from pydantic import Field

from marrowscope.service.accounts import tokens
from marrowscope.service.actors import Scope
from marrowscope.service.rest.dependencies import LoggedIn, Transaction
from marrowscope.service.rest.shapes import Id, Instant, Line, Page, Shape

router = APIRouter(tags=["tokens"])


class TokenShape(Shape):
    """A token, without its secret."""

    id: str
    name: str
    scopes: list[Scope]
    created_at: Instant
    expires_at: Instant | None
    last_used_at: Instant | None


class FreshToken(TokenShape):
    """A new token; its secret is shown this once."""

    token: str


class NewToken(Shape):
    """A token to create."""

    name: Line
    scopes: Annotated[list[Scope], Field(min_length=1, max_length=10)]
    expires_days: Annotated[int | None, Field(ge=1, le=3650)] = None


@router.get("/tokens")
def list_tokens(session: Transaction, actor: LoggedIn) -> Page[TokenShape]:
    """List your own tokens."""
    return Page(items=[TokenShape.model_validate(each) for each in tokens.list_tokens(session, actor)])


@router.post("/tokens", status_code=201)
def add_token(new: NewToken, session: Transaction, actor: LoggedIn) -> FreshToken:
    """Create a token for yourself; `token` is shown this once."""
    made, secret = tokens.add_token(session, actor, new.name, new.scopes, new.expires_days)
    return FreshToken(**TokenShape.model_validate(made).model_dump(), token=secret)


@router.delete("/tokens/{token_id}", status_code=204)
def remove_token(token_id: Id, session: Transaction, actor: LoggedIn) -> None:
    """Remove one of your own tokens; programs that use it are refused at once."""
    tokens.remove_token(session, actor, token_id)
