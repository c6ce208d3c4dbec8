"""How the service holds up under 50 clients that upload and read at once while analyses run.

    python bench/load.py --into docs/service.md

A real server process, SQLite in its data folder (or PostgreSQL), two workers' worth of analyses always under
way. Every client looks at something about once a second, as a person clicks: worklist, patient, images,
thumbnails, tiles, cells, crops; every tenth time it uploads a new image for a new patient and asks for an
analysis. The only refusal allowed is 429. Exit code 1 when there was another, or p95 of reads is above the
limit. The clients run on the same machine and take their share of it.
"""

import argparse
import asyncio
import io
import random
import sys
import tempfile
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import numpy as np
import psutil
from PIL import Image

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from bench.figures import machine, put
from tests.service.postgres import Server
from tests.service.served import API, Served

from marrowscope.synth import draw_field

_MIB = 2**20
_P95_LIMIT_MS = 300.0
_UPLOADS = 0.1  # share of a client's steps


@dataclass
class Seen:
    """What the clients were answered, and what it took."""

    reads_ms: list[float] = field(default_factory=list)
    uploads_ms: list[float] = field(default_factory=list)
    slow: dict[str, list[float]] = field(default_factory=dict)
    statuses: Counter[int] = field(default_factory=Counter)
    failures: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True)
class Memory:
    """Resident MiB of the server's process and of all its processes together."""

    server: float
    together: float


class Sampler(threading.Thread):
    """Watches a process and its children's memory."""

    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self._process = psutil.Process(pid)
        self._over = threading.Event()
        self.samples: list[Memory] = []

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


class Client:
    """Somebody at work."""

    def __init__(self, http: httpx.AsyncClient, images: list[bytes], seed: int, seen: Seen) -> None:
        self._http = http
        self._images = images
        self._lot = random.Random(seed)
        self._seen = seen
        self._name = f"client {seed}"
        self._made = 0

    async def work(self, seconds: float, pause_s: float) -> None:
        """Upload and read until the time is over."""
        end = time.monotonic() + seconds
        await asyncio.sleep(self._lot.uniform(0, pause_s))
        while time.monotonic() < end:
            step = self._upload if self._lot.random() < _UPLOADS or not self._made else self._look
            try:
                await step()
            except httpx.HTTPError as error:
                self._seen.failures[type(error).__name__] += 1
            await asyncio.sleep(self._lot.expovariate(1 / pause_s))

    async def _upload(self) -> None:
        self._made += 1
        made = await self._timed("POST", f"{API}/patients", json={"name": f"{self._name}, {self._made}"})
        if made.status_code != 201:
            return
        patient = made.json()["id"]
        parts = [("files", ("field.png", self._lot.choice(self._images)))]
        sent = await self._timed("POST", f"{API}/patients/{patient}/files", files=parts)
        if sent.status_code == 200:
            await self._timed("POST", f"{API}/patients/{patient}/analyses", json={})

    async def _look(self) -> None:
        listed = await self._get(f"{API}/patients?limit=50")
        patient = self._lot.choice(listed.json()["items"]) if listed.status_code == 200 else None
        if patient is None:
            return
        await self._get(f"{API}/patients/{patient['id']}")
        fields = await self._get(f"{API}/patients/{patient['id']}/fields")
        for each in fields.json()["items"][:1]:
            await self._get(f"{each['thumbnail']}?size=256")
            await self._get(f"{each['dzi'].removesuffix('.dzi')}_files/10/0_0.jpg")
        if patient["status"] == "done":
            cells = await self._get(f"{API}/analyses/{patient['analysis']['id']}/cells")
            for cell in cells.json()["items"][:2]:
                await self._get(cell["crop"])

    async def _get(self, address: str) -> httpx.Response:
        return await self._timed("GET", address)

    async def _timed(self, method: str, address: str, **content: object) -> httpx.Response:
        started = time.perf_counter()
        answer = await self._http.request(method, address, **content)  # type: ignore[arg-type]
        took = 1000 * (time.perf_counter() - started)
        self._seen.statuses[answer.status_code] += 1
        if answer.status_code >= 400 and answer.status_code != 429:
            self._seen.failures[f"{answer.status_code} {method} {answer.text[:200]}"] += 1
        (self._seen.reads_ms if method == "GET" else self._seen.uploads_ms).append(took)
        kind = (
            f"{method} {'/'.join(_kind(part) for part in address.split('?', maxsplit=1)[0].split('/')[3:])}"
        )
        self._seen.slow.setdefault(kind, []).append(took)
        return answer


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
            seen = asyncio.run(_clients(served, images, options))
            done = len(served.client.get(f"{API}/analyses?status=done&limit=5000").json()["items"])
        finally:
            sampler.stop()
            served.stop()
            if postgres is not None:
                postgres.stop()
    text = _table(options, seen, sampler.samples, done)
    print(text)
    for kind, took in sorted(seen.slow.items()):
        print(f"{kind:50} {len(took):6} p50 {_percentile(took, 50):6.0f} p95 {_percentile(took, 95):6.0f} ms")
    print(dict(seen.failures))
    if options.into:
        put(options.into, "bench/load.py", text)
    raise SystemExit(bool(seen.failures) or _percentile(seen.reads_ms, 95) > _P95_LIMIT_MS)


async def _clients(served: Served, images: list[bytes], options: argparse.Namespace) -> Seen:
    seen = Seen()
    limits = httpx.Limits(max_connections=options.clients, max_keepalive_connections=options.clients)
    async with httpx.AsyncClient(
        base_url=served.client.base_url,
        headers=served.client.headers,
        cookies=served.client.cookies,
        limits=limits,
        timeout=120,
    ) as http:
        clients = [Client(http, images, seed, seen) for seed in range(options.clients)]
        await asyncio.gather(*(client.work(options.seconds, options.pause) for client in clients))
    return seen


def _png(seed: int, width: int, height: int) -> bytes:
    stream = io.BytesIO()
    pixels = draw_field(seed, width=width, height=height, cells=8).pixels
    Image.fromarray(pixels).save(stream, "PNG")
    return stream.getvalue()


def _percentile(values: list[float], percent: float) -> float:
    return float(np.percentile(values, percent)) if values else float("nan")


def _table(options: argparse.Namespace, seen: Seen, samples: list[Memory], done: int) -> str:
    third = max(len(samples) // 3, 1)
    parts = samples[third : 2 * third], samples[2 * third :]
    memory = ", ".join(f"{max((sample.server for sample in part), default=0):.0f}" for part in parts)
    together = max((sample.together for sample in samples), default=0)
    store = " --postgresql" if options.postgresql else ""
    rows = {
        "clients; pause between steps": f"{options.clients}; {options.pause:g} s",
        "reads: number; p50, p95, p99": _times(seen.reads_ms, 50, 95, 99),
        "changes: number; p50, p95": _times(seen.uploads_ms, 50, 95),
        "refused with 429": seen.statuses[429],
        "other errors": seen.failures.total(),
        "analyses ended meanwhile": done,
        "memory of the server, highest of the second and of the last third": f"{memory} MiB",
        "memory with its workers, highest": f"{together:.0f} MiB",
    }
    lines = ["| what | measured |", "|---|---|", *(f"| {name} | {value} |" for name, value in rows.items())]
    command = f"python bench/load.py --clients {options.clients} --seconds {options.seconds:g}{store}"
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
    parser.add_argument("--pause", type=float, default=1.0, help="seconds between steps, on average")
    parser.add_argument("--images", type=int, default=10, help="distinct ones")
    parser.add_argument("--width", type=int, default=1280)
    parser.add_argument("--height", type=int, default=960)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--postgresql", action="store_true", help="instead of SQLite")
    parser.add_argument("--into", type=Path, help="document to put the table into")
    return parser.parse_args()


if __name__ == "__main__":
    main()
