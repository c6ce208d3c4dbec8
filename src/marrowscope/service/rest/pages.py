"""The review page, with its index at every address outside the REST interface, and the documentation."""

from importlib import resources
from pathlib import Path
from typing import Annotated

from fastapi import APIRouter
from fastapi import Path as InPath
from fastapi.responses import FileResponse, HTMLResponse, RedirectResponse, Response
from fastapi.staticfiles import StaticFiles
from starlette.convertors import Convertor, register_url_convertor
from starlette.types import Scope

from marrowscope.service.errors import NotFoundError

_WEB = Path(str(resources.files("marrowscope"))) / "web"
DIST = _WEB / "dist"
MANUAL = _WEB / "manual"
NOT_BUILT = "The review page is not built: `make web` builds it. The REST interface is at /api/v1."
NO_MANUAL = "The documentation is not built: `make docs` builds it."

router = APIRouter(include_in_schema=False)
_FOR_EVER = {"Cache-Control": "public, max-age=31536000, immutable"}  # their names contain their digest
_ASK_AGAIN = {"Cache-Control": "no-cache"}


def is_built() -> bool:
    """Return whether the page is built."""
    return (DIST / "index.html").is_file()


@router.api_route("/assets/{name}", methods=["GET", "HEAD"], response_model=None)
def asset(name: Annotated[str, InPath(pattern=r"^[A-Za-z0-9_-][A-Za-z0-9._-]*$")]) -> FileResponse:
    """Return a script, style sheet or picture of the page.

    Raises
    ------
    NotFoundError
        The page has no such file.
    """
    path = DIST / "assets" / name
    if not path.is_file():
        raise NotFoundError("there is nothing at this address")
    return FileResponse(path, headers=_FOR_EVER)


class _PageAddress(Convertor[str]):
    """Every address outside the REST interface, which reports its own missing addresses."""

    regex = r"(?!api(?:/|$)).*"

    def convert(self, value: str) -> str:
        """Return the address as it is."""
        return value

    def to_string(self, value: str) -> str:
        """Return the address as it is."""
        return value


register_url_convertor("page_address", _PageAddress())


@router.get("/docs", response_model=None)
def manual() -> RedirectResponse:
    """Lead to the documentation, whose own links begin at a folder."""
    return RedirectResponse("/docs/")


@router.api_route("/{address:page_address}", methods=["GET", "HEAD"], response_model=None)
def page(address: str) -> FileResponse | HTMLResponse:
    """Return the page, which routes by address itself, or one line if it is not built."""
    del address
    if not is_built():
        return _one_line(NOT_BUILT)
    return FileResponse(DIST / "index.html", headers=_ASK_AGAIN)


class Manual(StaticFiles):
    """The documentation as it was built, or one line if it was not."""

    def __init__(self) -> None:
        super().__init__(directory=MANUAL, html=True, check_dir=False)

    async def check_config(self) -> None:
        """Let the service start and answer where the documentation is not built."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        """Return a page or a file of it."""
        if not (MANUAL / "index.html").is_file():
            return _one_line(NO_MANUAL)
        response = await super().get_response(path, scope)
        response.headers.setdefault("Cache-Control", _ASK_AGAIN["Cache-Control"])
        return response


def _one_line(text: str) -> HTMLResponse:
    return HTMLResponse(f"<!doctype html><title>marrowscope</title><p>{text}</p>", 503, _ASK_AGAIN)
