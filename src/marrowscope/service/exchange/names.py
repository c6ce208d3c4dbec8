"""Names of other systems, resolved within a limit.

The system's resolver cannot be stopped: one that hangs is left behind in a thread that ends with the process.
"""

import asyncio
import socket
import threading
from concurrent.futures import Future
from typing import Any

Addresses = list[tuple[Any, ...]]
"""As `socket.getaddrinfo` gives them."""


def resolved(host: str, port: int, seconds: float) -> Addresses:
    """Return the addresses of a host, for connections over TCP.

    Raises
    ------
    TimeoutError
        It took longer.
    OSError
        The name is not known.
    """
    return _resolving(host, port, type=socket.SOCK_STREAM).result(seconds)


class Loop(asyncio.SelectorEventLoop):
    """An event loop whose end waits for no name, as that of `asyncio.run` does."""

    async def getaddrinfo(self, host: Any, port: Any, **kinds: Any) -> Addresses:
        """Return the addresses of a host, as `socket.getaddrinfo` does."""
        return await asyncio.wrap_future(_resolving(host, port, **kinds), loop=self)


def _resolving(host: Any, port: Any, **kinds: Any) -> Future[Addresses]:
    answer: Future[Addresses] = Future()
    answer.set_running_or_notify_cancel()  # from here on nobody cancels it

    def resolve() -> None:
        try:
            addresses = socket.getaddrinfo(host, port, **kinds)
        except Exception as error:  # noqa: BLE001 (whoever waits for the answer has to deal with it)
            answer.set_exception(error)
        else:
            answer.set_result(addresses)

    threading.Thread(target=resolve, name="resolving", daemon=True).start()
    return answer
