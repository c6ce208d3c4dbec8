"""Single keys of the terminal, as they are pressed."""

import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

_POLL_S = 0.2
_ENTER = frozenset("\r\n ")


@contextmanager
def on_enter(act: Callable[[], object]) -> Iterator[None]:
    """Call `act` whenever Enter or Space is pressed; of an input that is no terminal, for every line.

    A foot switch is a keyboard to the machine, and so is a button that types Enter.
    """
    ends = threading.Event()
    with _single_keys():
        thread = threading.Thread(target=_listen, args=(act, ends), name="keys", daemon=True)
        thread.start()
        try:
            yield
        finally:
            ends.set()


def _listen(act: Callable[[], object], ends: threading.Event) -> None:
    read = _reader()
    while not ends.is_set():
        key = read()
        if key is None:  # the input has ended
            return
        if key in _ENTER and key:
            act()


def _reader() -> Callable[[], str | None]:
    """Return what waits for a key for a moment and returns it: "" if there was none, None at the end."""
    if sys.platform == "win32":
        import msvcrt
        import time

        def of_windows() -> str | None:
            if msvcrt.kbhit():
                return msvcrt.getwch()
            time.sleep(_POLL_S / 4)
            return ""

        return of_windows
    import os
    import select

    number = sys.stdin.fileno()

    def of_terminal() -> str | None:
        if not select.select([number], [], [], _POLL_S)[0]:
            return ""
        pressed = os.read(number, 1)
        return pressed.decode("ascii", "replace") if pressed else None

    return of_terminal


@contextmanager
def _single_keys() -> Iterator[None]:
    """Have the terminal give every key at once, and show none."""
    if sys.platform == "win32" or not sys.stdin.isatty():
        yield
        return
    import termios
    import tty

    before = termios.tcgetattr(sys.stdin)
    tty.setcbreak(sys.stdin)
    try:
        yield
    finally:
        termios.tcsetattr(sys.stdin, termios.TCSADRAIN, before)
