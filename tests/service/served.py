"""`marrowscope serve` as a process of its own, to be killed and started again, and a client of it."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import httpx2
import psutil

API = "/api/v1"
ENDED = frozenset({"done", "failed", "cancelled"})
_START_S = 900  # a hang, and not a machine that is busy with other work
_ANSWER_S = 300


class Served:
    """One service on a free port of this machine, without authentication.

    Parameters
    ----------
    data : its data folder; the log is written beside it
    database : URL, SQLite in the data folder for None
    settings : further settings by their environment variables, without the prefix
    """

    def __init__(self, data: Path, database: str | None = None, **settings: str) -> None:
        self._command = [sys.executable, "-m", "marrowscope", "serve", "--port", "0", "--data", str(data)]
        self._command += ["--authentication", "off"]
        self._environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
        self._environment |= {f"MARROWSCOPE_{name.upper()}": value for name, value in settings.items()}
        if database is not None:
            self._environment["MARROWSCOPE_DATABASE"] = database
        self._log = data.parent / f"{data.name}.log"
        self.process: subprocess.Popen[bytes] | None = None
        self.client = httpx2.Client()
        self.start()

    @property
    def log(self) -> str:
        """Everything all its processes wrote."""
        return self._log.read_text("utf-8", "replace")

    def start(self) -> None:
        """Start, or start again, and wait until it answers."""
        seen = len(self.log) if self._log.exists() else 0
        with self._log.open("ab") as log:
            self.process = subprocess.Popen(
                self._command, stdout=log, stderr=subprocess.STDOUT, env=self._environment
            )
        end = time.monotonic() + _START_S
        while not (found := re.search(r"is at (http://\S+)", self.log[seen:])):
            ended = self.process.poll()
            if ended is not None or time.monotonic() > end:
                how = "is not ready in time" if ended is None else f"ended with {ended}"
                raise RuntimeError(f"the service {how}: {self.log[seen:][-2000:]}")
            time.sleep(0.05)
        self.client.close()
        self.client = httpx2.Client(base_url=found[1], timeout=_ANSWER_S)
        self._until(lambda: self.client.get("/readyz").status_code == 200, end)
        token = self.client.get(f"{API}/session").json()["csrf_token"]
        self.client.headers["X-CSRF-Token"] = token

    def kill(self) -> None:
        """Kill the server's process, which has no time for anything, and wait until its workers are gone."""
        assert self.process is not None
        workers = psutil.Process(self.process.pid).children(recursive=True)
        self.process.kill()
        self.process.wait()
        _, alive = psutil.wait_procs(workers, timeout=_ANSWER_S)
        assert not alive

    def stop(self) -> None:
        """Stop as an administrator would."""
        assert self.process is not None
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(90)
            except subprocess.TimeoutExpired:
                self.kill()
        self.client.close()

    def workers(self) -> list[psutil.Process]:
        """The worker processes now alive."""
        assert self.process is not None
        found = []
        for child in psutil.Process(self.process.pid).children(recursive=True):
            try:
                if "spawn_main" in " ".join(child.cmdline()):
                    found.append(child)
            except psutil.NoSuchProcess:
                continue
        return found

    def patient(self, name: str, files: Sequence[Path]) -> str:
        """Make a patient with these images and return its identifier."""
        made = self.client.post(f"{API}/patients", json={"name": name})
        made.raise_for_status()
        parts = [("files", (path.name, path.read_bytes())) for path in files]
        self.client.post(f"{API}/patients/{made.json()['id']}/files", files=parts).raise_for_status()
        return str(made.json()["id"])

    def ask(self, patient: str, **wish: Any) -> str:
        """Ask for an analysis and return its identifier."""
        asked = self.client.post(f"{API}/patients/{patient}/analyses", json=wish)
        asked.raise_for_status()
        return str(asked.json()["id"])

    def analysis(self, analysis: str) -> dict[str, Any]:
        """How far an analysis is."""
        shown = self.client.get(f"{API}/analyses/{analysis}")
        shown.raise_for_status()
        found: dict[str, Any] = shown.json()
        return found

    def wait_until(
        self, analysis: str, holds: Callable[[dict[str, Any]], bool], timeout_s: float = 240
    ) -> dict[str, Any]:
        """Wait until something holds of an analysis; it is not asked about while the service is away."""
        end = time.monotonic() + timeout_s
        self._until(lambda: holds(self.analysis(analysis)), end)
        return self.analysis(analysis)

    @staticmethod
    def _until(holds: Callable[[], bool], end: float) -> None:
        while True:
            try:
                if holds():
                    return
            except httpx2.HTTPError:
                pass
            if time.monotonic() > end:
                raise TimeoutError("it did not come to pass in time")
            time.sleep(0.1)
