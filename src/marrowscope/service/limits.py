"""Limits on requests: so many a minute, so many at a time."""

import math
import threading
import time
from collections import Counter
from collections.abc import Callable

from marrowscope.service.errors import BusyError

_FORGET_ABOVE = 10_000


class RateLimit:
    """A token bucket per key that holds a minute's requests and refills steadily."""

    def __init__(self, per_minute: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._size = float(per_minute)
        self._per_second = per_minute / 60
        self._clock = clock
        self._lock = threading.Lock()
        self._buckets: dict[str, tuple[float, float]] = {}

    def take(self, key: str) -> None:
        """Count one request for `key`.

        Raises
        ------
        BusyError
            Its bucket is empty.
        """
        at = self._clock()
        with self._lock:
            if len(self._buckets) > _FORGET_ABOVE:
                self._forget_full(at)
            left, since = self._buckets.get(key, (self._size, at))
            left = min(self._size, left + (at - since) * self._per_second)
            if left >= 1:
                self._buckets[key] = (left - 1, at)
                return
        wait = math.ceil((1 - left) / self._per_second)
        raise BusyError("too many requests; wait a moment", max(1, wait))

    def _forget_full(self, at: float) -> None:
        refilled = self._size / self._per_second
        self._buckets = {k: (n, t) for k, (n, t) in self._buckets.items() if at - t < refilled}


class AtOnce:
    """Counts what each key has open at a time."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._lock = threading.Lock()
        self._open: Counter[str] = Counter()

    def enter(self, key: str) -> Callable[[], None]:
        """Count one more for `key`; return what has to be called when it has ended.

        Raises
        ------
        BusyError
            It has as many as it may.
        """
        with self._lock:
            if self._open[key] >= self._most:
                raise BusyError(f"{self._most} are open already; close one first", 60)
            self._open[key] += 1
        return lambda: self._leave(key)

    def _leave(self, key: str) -> None:
        with self._lock:
            self._open[key] -= 1
            if not self._open[key]:
                del self._open[key]
