"""``marrowscope serve``: the service and its review page."""

import socket
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from marrowscope.cli.console import one_line_errors, say
from marrowscope.cli.installation import Data, DatabaseUrl, opened, settings_of
from marrowscope.errors import InputError

if TYPE_CHECKING:
    from marrowscope.service.settings import Settings

EXAMPLE = "Example:  marrowscope serve --data /srv/marrowscope --port 8000"


@one_line_errors
def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen on.", show_default="127.0.0.1")] = None,
    port: Annotated[
        int | None,
        typer.Option(min=0, max=65535, help="Port to listen on; 0 takes a free one.", show_default="8000"),
    ] = None,
    data: Data = None,
    database: DatabaseUrl = None,
    engine: Annotated[
        str | None, typer.Option(help="Where networks run: local or dask://HOST:PORT.", show_default="local")
    ] = None,
    authentication: Annotated[
        str | None,
        typer.Option(help="required, or off (loopback addresses only).", show_default="required"),
    ] = None,
) -> None:
    """Serve the review page at / and the REST interface under /api/v1.

    All settings can also be given as environment variables such as MARROWSCOPE_HOST
    (docs/reference/settings.md).
    """
    settings = settings_of(
        host=host,
        port=port,
        data_folder=data,
        database=database,
        engine=engine,
        authentication=authentication,
    )
    settings.refuse_unsafe()
    # A server that cannot listen leaves no data folder behind.
    with _listen(settings.host, settings.port) as listening:
        _run(settings, listening)


def _run(settings: "Settings", listening: socket.socket) -> None:
    """Serve what a socket takes in, until the process is told to stop."""
    import uvicorn

    from marrowscope.service import logs
    from marrowscope.service.accounts import setting_up
    from marrowscope.service.rest import pages
    from marrowscope.service.rest.app import create_app

    _make_writable(settings.data_folder)
    with opened(settings, make=True) as checked, checked.reading() as session:
        is_first_run = settings.authentication == "required" and not setting_up.is_set_up(session)
    code = setting_up.new_code() if is_first_run else None
    application = create_app(settings, setup_code=code)
    # Many short requests run in threads, and each waits less for its turn than with the default of 5 ms.
    sys.setswitchinterval(0.0005)
    logs.set_up(settings.log_level)
    shown = f"[{settings.host}]" if ":" in settings.host else settings.host
    say(f"marrowscope is at http://{shown}:{listening.getsockname()[1]}  (stop with Ctrl-C)")
    if not pages.is_built():
        say(pages.NOT_BUILT)
    if code is not None:
        say(f"There are no accounts yet. Open that address and create the first administrator; code: {code}")
        say(f"Or here: marrowscope users add NAME --admin --data {settings.data_folder}")
    configuration = uvicorn.Config(
        application,
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,  # the application's own matter: it knows which proxies are to be believed
        timeout_graceful_shutdown=10,
        timeout_keep_alive=75,
    )
    with _temporary_files_in(settings.data_folder / "scratch"):
        uvicorn.Server(configuration).run(sockets=[listening])


def _make_writable(folder: Path) -> None:
    """Make the data folder, or say in one line why it cannot be used.

    Raises
    ------
    InputError
        It cannot be made, or not be written to.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise InputError(
            f"the data folder {folder} cannot be written to ({reason}); name another with --data"
        ) from None


@contextmanager
def _temporary_files_in(folder: Path) -> Iterator[None]:
    """Keep unfinished uploads on the disk of the images; the system's temporary folder may be in memory."""
    before = tempfile.tempdir
    folder.mkdir(exist_ok=True)
    tempfile.tempdir = str(folder)
    try:
        yield
    finally:
        tempfile.tempdir = before


def _listen(host: str, port: int) -> socket.socket:
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        listening = socket.create_server((host, port), family=family)
        # Inherited by connections. Without it, the second part of a response waits 40 ms for an
        # acknowledgement.
        listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    except OSError as error:
        reason = error.strerror or error
        raise InputError(
            f"cannot listen on {host} port {port} ({reason}); name others with --host and --port"
        ) from None
    return listening
