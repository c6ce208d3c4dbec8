"""The review page: its built files, and its index for every address outside the REST interface."""

from importlib import resources
from pathlib import Path
from typing import Annotated

from fastapi import APIRouter
from fastapi import Path as InPath
from fastapi.responses import FileResponse, HTMLResponse
from starlette.convertors import Convertor, register_url_convertor

from marrowscope.service.errors import NotFoundError

DIST = Path(str(resources.files("marrowscope"))) / "web" / "dist"
NOT_BUILT = "The review page is not built: `make web` builds it. The REST interface is at /api/v1."

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


@router.api_route("/{address:page_address}", methods=["GET", "HEAD"], response_model=None)
def page(address: str) -> FileResponse | HTMLResponse:
    """Return the page, which routes by address itself, or one line if it is not built."""
    del address
    if not is_built():
        return HTMLResponse(f"<!doctype html><title>marrowscope</title><p>{NOT_BUILT}</p>", 503, _ASK_AGAIN)
    return FileResponse(DIST / "index.html", headers=_ASK_AGAIN)
