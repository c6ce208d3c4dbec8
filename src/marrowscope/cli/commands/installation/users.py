"""``marrowscope users``: the accounts of the service."""

import getpass
import sys
from typing import Annotated

import typer

from marrowscope.cli.console import one_line_errors, print_json
from marrowscope.cli.installation import Data, DatabaseUrl, opened, settings_of
from marrowscope.cli.options import AsJson
from marrowscope.errors import InputError

app = typer.Typer(
    help="Manage the accounts of the service.",
    no_args_is_help=True,
    epilog="Example:  marrowscope users add anna --admin",
)

_Username = Annotated[str, typer.Argument(help="Name to log in with.")]
_Role = Annotated[str | None, typer.Option(help="viewer, reviewer or admin.", show_default="reviewer")]


@app.command("add", epilog="Example:  marrowscope users add anna --name 'Anna Keller' --admin")
@one_line_errors
def add(
    username: _Username,
    name: Annotated[str | None, typer.Option(help="Name as reports show it.")] = None,
    role: _Role = None,
    admin: Annotated[bool, typer.Option("--admin", help="The same as --role admin.")] = False,
    data: Data = None,
    database: DatabaseUrl = None,
) -> None:
    """Create an account. The password is prompted for or, without a terminal, read from standard input."""
    settings = settings_of(data_folder=data, database=database)
    from marrowscope.service.accounts.users import add_user
    from marrowscope.service.actors import SYSTEM, role_named

    if admin and role not in {None, "admin"}:
        raise InputError(f"--admin and --role {role} contradict each other")
    new_role = role_named("admin" if admin else role or "reviewer")
    with opened(settings, make=True) as place:
        password = _read_password()
        with place.writing() as session:
            user = add_user(session, SYSTEM, username, name or username, role=new_role, password=password)
    typer.echo(f"{user.username}  {user.role}")


@app.command("list", epilog="Example:  marrowscope users list --json")
@one_line_errors
def list_all(
    as_json: AsJson = False,
    data: Data = None,
    database: DatabaseUrl = None,
) -> None:
    """List the accounts."""
    settings = settings_of(data_folder=data, database=database)
    from marrowscope.service.accounts.users import list_users

    with opened(settings, make=False) as place, place.reading() as session:
        users = list_users(session)
    if as_json:
        keys = ("username", "name", "role", "active")
        print_json([{key: getattr(user, key) for key in keys} for user in users])
        return
    for user in users:
        typer.echo(f"{user.username}  {user.role}  {'active' if user.active else 'inactive'}  {user.name}")


@app.command("change", epilog="Example:  marrowscope users change anna --role viewer")
@one_line_errors
def change(
    username: _Username,
    name: Annotated[str | None, typer.Option(help="Name as reports show it.")] = None,
    role: Annotated[str | None, typer.Option(help="viewer, reviewer or admin.")] = None,
    active: Annotated[bool | None, typer.Option("--active/--inactive", help="Whether it may log in.")] = None,
    data: Data = None,
    database: DatabaseUrl = None,
) -> None:
    """Change an account's name, role or state. Its sessions end."""
    settings = settings_of(data_folder=data, database=database)
    from marrowscope.service.accounts.users import change_user, find_user
    from marrowscope.service.actors import SYSTEM, role_named

    new_role = None if role is None else role_named(role)
    with opened(settings, make=False) as place, place.writing() as session:
        found = find_user(session, username)
        user = change_user(session, SYSTEM, found.id, name=name, role=new_role, active=active)
    typer.echo(f"{user.username}  {user.role}  {'active' if user.active else 'inactive'}")


@app.command("password", epilog="Example:  marrowscope users password anna")
@one_line_errors
def password(username: _Username, data: Data = None, database: DatabaseUrl = None) -> None:
    """Set a new password for an account and unlock it. Its sessions end."""
    settings = settings_of(data_folder=data, database=database)
    from marrowscope.service.accounts.users import change_user, find_user
    from marrowscope.service.actors import SYSTEM

    with opened(settings, make=False) as place:
        new = _read_password()
        with place.writing() as session:
            change_user(session, SYSTEM, find_user(session, username).id, password=new)
    typer.echo(f"{username}: new password set")


def _read_password() -> str:
    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\r\n")
    new = getpass.getpass("Password: ")
    if new != getpass.getpass("Repeat password: "):
        raise InputError("the two passwords differ")
    return new
