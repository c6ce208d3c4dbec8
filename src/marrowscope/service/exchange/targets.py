"""Where signed reports go: a folder, an HL7 v2 receiver by MLLP, a FHIR server."""

import asyncio
import socket
import ssl
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol
from urllib.parse import urlsplit

import httpx2

from marrowscope.errors import InputError, MarrowscopeError
from marrowscope.exports.atomic import write_atomic
from marrowscope.imaging.names import shown
from marrowscope.service.exchange.names import Loop, resolved

_START, _END = b"\x0b", b"\x1c\r"  # of a message by MLLP (HL7 v2, appendix C)
_MOST_BYTES = 1 << 20  # of an acknowledgement
_MOST_SAID = 300  # characters of it that are kept
_ACCEPTED = frozenset({"AA", "CA"})
_LATER = frozenset({408, 425, 429})  # refusals of HTTP that mean: not now


class NotSentError(MarrowscopeError):
    """A report did not get through; it is tried again."""


class RefusedError(NotSentError):
    """The other side does not take this report: trying again would change nothing."""


@dataclass(frozen=True)
class Letter:
    """What is sent of one version: the same bytes, name and control id at every attempt.

    Attributes
    ----------
    name : of a file, without its end
    control_id : of the message (MSH-10)
    hl7, fhir : both forms
    """

    name: str
    control_id: str
    hl7: bytes
    fhir: bytes


class Target(Protocol):
    """Where letters go."""

    def send(self, letter: Letter) -> None:
        """Send a letter; one that is there already stays as it is.

        Raises
        ------
        NotSentError
            It did not get through.
        RefusedError
            The other side does not take it.
        """


@dataclass(frozen=True)
class Folder:
    """A folder that another system watches: a file for each version, whole from the moment it appears."""

    path: Path
    is_fhir: bool

    def send(self, letter: Letter) -> None:
        """Write the file, under a name that is the version's own."""
        end, content = ("json", letter.fhir) if self.is_fhir else ("hl7", letter.hl7)
        try:
            if not self.path.is_dir():
                raise NotSentError("the folder is not there")
            write_atomic(self.path / f"{letter.name}_{letter.control_id}.{end}", content)
        except OSError as error:
            raise NotSentError(f"the folder cannot be written to: {error.strerror or error}") from error


@dataclass(frozen=True)
class Mllp:
    """A receiver of HL7 v2 messages, which acknowledges each by its control id."""

    host: str
    port: int
    seconds: float
    is_encrypted: bool

    def send(self, letter: Letter) -> None:
        """Send the message and wait until it is acknowledged."""
        ends = time.monotonic() + self.seconds
        try:
            with _connected(self.host, self.port, ends) as plain:
                if not self.is_encrypted:
                    answer = _asked(plain, letter.hl7, ends)
                else:
                    context = ssl.create_default_context()
                    with context.wrap_socket(plain, server_hostname=self.host) as wrapped:
                        answer = _asked(wrapped, letter.hl7, ends)
        except OSError as error:
            raise NotSentError(f"the receiver cannot be reached: {error.strerror or error}") from error
        _check(answer, letter.control_id)


@dataclass(frozen=True)
class Fhir:
    """A FHIR server that takes transactions; resources it has already it does not create again."""

    address: str
    token: str | None
    seconds: float

    def send(self, letter: Letter) -> None:
        """Post the Bundle."""
        try:
            with asyncio.Runner(loop_factory=Loop) as runner:
                status = runner.run(self._posted(letter))
        except TimeoutError as error:
            raise NotSentError("the server did not answer in time") from error
        except (httpx2.HTTPError, httpx2.InvalidURL) as error:
            raise NotSentError(f"the server cannot be reached: {type(error).__name__}") from error
        if 400 <= status < 500 and status not in _LATER:
            raise RefusedError(f"the server refused the report with HTTP status {status}")
        if not 200 <= status < 300:
            raise NotSentError(f"the server answered with HTTP status {status}")

    async def _posted(self, letter: Letter) -> int:
        """Post the Bundle and return the status; asynchronous, since only so one limit holds for all of it.

        Raises
        ------
        TimeoutError
            Resolving the name, connecting, sending and waiting for the status took too long together.
        """
        headers = {"Content-Type": "application/fhir+json", "Accept": "application/fhir+json"}
        if self.token is not None:
            headers["Authorization"] = f"Bearer {self.token}"
        # What the server says besides its status is not read: it may not end. Redirects are not followed: the
        # report and the token are for this address.
        async with (
            asyncio.timeout(self.seconds),
            httpx2.AsyncClient(timeout=None) as client,
            client.stream("POST", self.address, content=letter.fhir, headers=headers) as answer,
        ):
            return answer.status_code


def target_of(name: str, *, file_format: str, token: str | None, seconds: float) -> Target:
    """Return where a name leads.

    Parameters
    ----------
    name : a folder, ``mllp://HOST:PORT``, ``mllps://HOST:PORT`` (TLS), or the address of a FHIR server
    file_format : ``hl7`` or ``fhir``, of files in a folder
    token : sent to a FHIR server
    seconds : after which an attempt is given up

    Raises
    ------
    InputError
        It is none of these.
    """
    try:
        parts = urlsplit(name)
        port = parts.port
    except ValueError:
        raise InputError(f"the outbox cannot be {name}: its port is no number") from None
    if parts.username or parts.password or (parts.scheme in {"http", "https"} and parts.query):
        raise InputError(
            "the outbox must not hold a password or a query, since people see it: use the outbox's token"
        )
    if parts.scheme in {"http", "https"} and parts.hostname:
        return Fhir(name, token, seconds)
    if parts.scheme in {"mllp", "mllps"} and parts.hostname and port:
        return Mllp(parts.hostname, port, seconds, parts.scheme == "mllps")
    if "://" in name:
        raise InputError(
            f"the outbox cannot be {name}: name a folder, mllp://HOST:PORT, mllps://HOST:PORT or "
            "https://SERVER/PATH"
        )
    return Folder(Path(name), file_format == "fhir")


def _left(ends: float) -> float:
    """Return how many seconds are left; never 0, which would be no limit at all."""
    return max(ends - time.monotonic(), 0.001)


def _connected(host: str, port: int, ends: float) -> socket.socket:
    """Return a connection to the first of a host's addresses that answers."""
    try:
        places = resolved(host, port, _left(ends))
    except TimeoutError:
        raise NotSentError("the receiver's name was not resolved in time") from None
    failed = OSError("its name has no address")
    for family, kind, protocol, _, address in places:
        connection = socket.socket(family, kind, protocol)
        try:
            connection.settimeout(_left(ends))
            connection.connect(address)
        except OSError as error:
            connection.close()
            failed = error
        else:
            return connection
    raise failed


def _asked(connection: socket.socket, message: bytes, ends: float) -> bytes:
    """Send a message and return the acknowledgement, all of it before the clock says `ends`."""
    connection.settimeout(_left(ends))
    connection.sendall(_START + message + _END)
    answer = b""
    while not answer.endswith(_END):
        connection.settimeout(_left(ends))
        try:
            part = connection.recv(65536)
        except TimeoutError:
            raise NotSentError("the receiver did not end its acknowledgement in time") from None
        if not part or len(answer) > _MOST_BYTES:
            raise NotSentError("the receiver closed the connection without acknowledging the message")
        answer += part
    return answer.removeprefix(_START).removesuffix(_END)


def _check(answer: bytes, control_id: str) -> None:
    """Read an acknowledgement (MSA: what became of the message, and of which one)."""
    segments = answer.decode("utf-8", "replace").replace("\n", "\r").split("\r")
    fields = next((line.split("|") for line in segments if line.startswith("MSA|")), [])
    if len(fields) < 3 or fields[2] != control_id:
        raise NotSentError("the receiver acknowledged another message")
    if fields[1] not in _ACCEPTED:
        words = shown(" ".join(" ".join(fields[3:4]).split()))[:_MOST_SAID]
        said = f": {words}" if words else ""
        raise RefusedError(f"the receiver refused the message ({shown(fields[1])[:2]}){said}")
