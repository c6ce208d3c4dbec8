"""Measure the service under 50 clients that upload and read at the same time while analyses run.

    python bench/service/load.py --into docs/explanation/service-measured.md

A real server process has SQLite in its data folder (or PostgreSQL), and analyses are always running. About
every two seconds, each client looks at another patient, which takes five to eight requests: worklist,
patient, images, thumbnail, tile, cells, crops. Every tenth time, it creates a patient, uploads an image and
requests an analysis. The only refusal allowed is 429. The exit code is 1 if there was another one, or if p95
of reads is above the limit. The clients run on the same machine and use some of its resources.
"""

import argparse
import io
import json
import random
import sys
import tempfile
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any

import numpy as np
import psutil
from PIL import Image

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from bench.figures import machine, put
from tests.service.postgres import Server
from tests.service.served import API, Served

from marrowscope.synth import draw_field

_MIB = 2**20
_P95_LIMIT_MS = 300.0
_UPLOADS = 0.1  # share of a client's steps


@dataclass
class Seen:
    """The responses to the clients, and their durations."""

    reads_ms: list[float] = field(default_factory=list)
    changes_ms: list[float] = field(default_factory=list)
    by_kind: dict[str, list[float]] = field(default_factory=dict)
    statuses: Counter[int] = field(default_factory=Counter)
    failures: Counter[str] = field(default_factory=Counter)
    lock: threading.Lock = field(default_factory=threading.Lock)


@dataclass(frozen=True)
class Memory:
    """Resident MiB of the server process, and of all its processes together."""

    server: float
    together: float


class Sampler(threading.Thread):
    """Samples the memory of a process and its children."""

    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self._process = psutil.Process(pid)
        self._over = threading.Event()
        self.samples: list[Memory] = []

    def cpu_seconds(self) -> tuple[float, float]:
        """Return the processor seconds of the server process, and of its living child processes."""
        processes = [self._process, *self._process.children(recursive=True)]
        times = [sum(process.cpu_times()[:2]) for process in processes]
        return times[0], sum(times[1:])

    def run(self) -> None:
        while not self._over.wait(0.5):
            try:
                own = self._process.memory_info().rss
                children = self._process.children(recursive=True)
                together = own + sum(child.memory_info().rss for child in children)
            except psutil.NoSuchProcess:
                continue
            self.samples.append(Memory(own / _MIB, together / _MIB))

    def stop(self) -> None:
        self._over.set()
        self.join()


@dataclass(frozen=True)
class Answer:
    """A response of the service."""

    status: int
    content: bytes

    @property
    def items(self) -> list[dict[str, Any]]:
        """Return the items of a list, none if it was refused."""
        found: list[dict[str, Any]] = json.loads(self.content)["items"] if self.status == 200 else []
        return found


class Client(threading.Thread):
    """A simulated user with one connection."""

    def __init__(self, served: Served, images: list[bytes], seed: int, seen: Seen) -> None:
        super().__init__(name=f"client {seed}")
        address = served.client.base_url
        self._http = HTTPConnection(address.host, address.port, timeout=120)
        cookies = "; ".join(f"{name}={value}" for name, value in served.client.cookies.items())
        self._headers = {"Cookie": cookies, "X-CSRF-Token": served.client.headers["X-CSRF-Token"]}
        self._images = images
        self._random = random.Random(seed)
        self._seen = seen
        self._made = 0
        self.seconds, self.pause_s = 0.0, 1.0

    def run(self) -> None:
        """Upload and read until the time is up."""
        end = time.monotonic() + self.seconds
        time.sleep(self._random.uniform(0, self.pause_s))
        while time.monotonic() < end:
            step = self._upload if self._random.random() < _UPLOADS or not self._made else self._look
            try:
                step()
            except (OSError, HTTPException) as error:
                self._seen.failures[type(error).__name__] += 1
                self._http.close()
            time.sleep(self._random.expovariate(1 / self.pause_s))

    def _upload(self) -> None:
        self._made += 1
        name = json.dumps({"name": f"{self.name}, {self._made}"}).encode()
        made = self._timed("POST", f"{API}/patients", name, "application/json")
        if made.status != 201:
            return
        patient = json.loads(made.content)["id"]
        form = (
            b'--edge\r\nContent-Disposition: form-data; name="files"; filename="field.png"\r\n'
            b"Content-Type: image/png\r\n\r\n" + self._random.choice(self._images) + b"\r\n--edge--\r\n"
        )
        kind = "multipart/form-data; boundary=edge"
        if self._timed("POST", f"{API}/patients/{patient}/files", form, kind).status == 200:
            self._timed("POST", f"{API}/patients/{patient}/analyses", b"{}", "application/json")

    def _look(self) -> None:
        listed = self._get(f"{API}/patients?limit=50").items
        if not listed:
            return
        patient = self._random.choice(listed)
        self._get(f"{API}/patients/{patient['id']}")
        for each in self._get(f"{API}/patients/{patient['id']}/fields").items[:1]:
            self._get(f"{each['thumbnail']}?size=256")
            self._get(f"{each['dzi'].removesuffix('.dzi')}_files/10/0_0.jpg")
        if patient["status"] == "done":
            for cell in self._get(f"{API}/analyses/{patient['analysis']['id']}/cells").items[:2]:
                self._get(cell["crop"])

    def _get(self, address: str) -> Answer:
        return self._timed("GET", address)

    def _timed(self, method: str, address: str, body: bytes | None = None, kind: str = "") -> Answer:
        headers = {**self._headers, "Content-Type": kind} if kind else self._headers
        started = time.perf_counter()
        self._http.request(method, address, body, headers)
        response = self._http.getresponse()
        answer = Answer(response.status, response.read())
        took = 1000 * (time.perf_counter() - started)
        with self._seen.lock:
            self._note(method, address, answer, took)
        return answer

    def _note(self, method: str, address: str, answer: Answer, took: float) -> None:
        seen = self._seen
        seen.statuses[answer.status] += 1
        if answer.status >= 400 and answer.status != 429:
            seen.failures[f"{answer.status} {method} {answer.content[:200].decode()}"] += 1
        (seen.reads_ms if method == "GET" else seen.changes_ms).append(took)
        parts = address.split("?", maxsplit=1)[0].split("/")[3:]
        seen.by_kind.setdefault(f"{method} {'/'.join(_kind(part) for part in parts)}", []).append(took)


def _kind(part: str) -> str:
    return "*" if len(part) == 32 or part[0].isdigit() else part


def main() -> None:
    options = _parse()
    images = [_png(seed, options.width, options.height) for seed in range(options.images)]
    with tempfile.TemporaryDirectory(prefix="marrowscope-load-") as name:
        postgres = Server() if options.postgresql else None
        url = postgres.create("load") if postgres else None
        served = Served(Path(name) / "data", url, requests_per_minute="1000000", workers=str(options.workers))
        assert served.process is not None
        sampler = Sampler(served.process.pid)
        sampler.start()
        try:
            seen = _work(served, images, options)
            cpu = *sampler.cpu_seconds(), sum(psutil.Process().cpu_times()[:2])
            done = len(served.client.get(f"{API}/analyses?status=done&limit=5000").json()["items"])
        finally:
            sampler.stop()
            served.stop()
            if postgres is not None:
                postgres.stop()
    text = _table(options, seen, sampler.samples, done, cpu)
    print(text)
    for kind, took in sorted(seen.by_kind.items()):
        print(f"{kind:50} {len(took):6} p50 {_percentile(took, 50):6.0f} p95 {_percentile(took, 95):6.0f} ms")
    print(dict(seen.failures))
    if options.into:
        put(options.into, "bench/service/load.py", text)
    raise SystemExit(bool(seen.failures) or _percentile(seen.reads_ms, 95) > _P95_LIMIT_MS)


def _work(served: Served, images: list[bytes], options: argparse.Namespace) -> Seen:
    seen = Seen()
    clients = [Client(served, images, seed, seen) for seed in range(options.clients)]
    for client in clients:
        client.seconds, client.pause_s = options.seconds, options.pause
        client.start()
    for client in clients:
        client.join()
    return seen


def _png(seed: int, width: int, height: int) -> bytes:
    stream = io.BytesIO()
    pixels = draw_field(seed, width=width, height=height, cells=8).pixels
    Image.fromarray(pixels).save(stream, "PNG")
    return stream.getvalue()


def _percentile(values: list[float], percent: float) -> float:
    return float(np.percentile(values, percent)) if values else float("nan")


def _table(
    options: argparse.Namespace,
    seen: Seen,
    samples: list[Memory],
    done: int,
    cpu: tuple[float, float, float],
    /,
) -> str:
    third = max(len(samples) // 3, 1)
    parts = samples[third : 2 * third], samples[2 * third :]
    memory = ", ".join(f"{max((sample.server for sample in part), default=0):.0f}" for part in parts)
    together = max((sample.together for sample in samples), default=0)
    store = " --postgresql" if options.postgresql else ""
    rows = {
        "clients; pause between steps": f"{options.clients}; {options.pause:g} s",
        "reads: number; p50, p95, p99": _times(seen.reads_ms, 50, 95, 99),
        "changes: number; p50, p95": _times(seen.changes_ms, 50, 95),
        "refused with 429": seen.statuses[429],
        "other errors": seen.failures.total(),
        "analyses ended meanwhile": done,
        "processor seconds: server, its workers, clients": ", ".join(f"{each:.0f}" for each in cpu),
        "memory of the server, highest of the second and of the last third": f"{memory} MiB",
        "memory with its workers, highest": f"{together:.0f} MiB",
    }
    lines = ["| what | measured |", "|---|---|", *(f"| {name} | {value} |" for name, value in rows.items())]
    command = (
        f"python bench/service/load.py --clients {options.clients} --pause {options.pause:g} "
        f"--seconds {options.seconds:g}{store}"
    )
    note = f"`{command}`; images of {options.width} × {options.height} pixels;\n{machine()}."
    return "\n".join([*lines, "", note])


def _times(values: list[float], *percents: float) -> str:
    figures = ", ".join(f"{_percentile(values, percent):.0f}" for percent in percents)
    return f"{len(values)}; {figures} ms"


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--clients", type=int, default=50)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--pause", type=float, default=2.0, help="seconds between steps, on average")
    parser.add_argument("--images", type=int, default=10, help="number of distinct images")
    parser.add_argument("--width", type=int, default=1280)
    parser.add_argument("--height", type=int, default=960)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--postgresql", action="store_true", help="instead of SQLite")
    parser.add_argument("--into", type=Path, help="document to write the table to")
    return parser.parse_args()


if __name__ == "__main__":
    main()
