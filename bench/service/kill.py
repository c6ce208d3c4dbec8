"""Check 20 analyses after killing the server, workers and PostgreSQL with kill -9, 20 times in all.

    python bench/service/kill.py --into docs/explanation/service-measured.md

Synthetic patients are first analysed on the command line, which gives the undisturbed figures. Then a real
server on a real PostgreSQL analyses the same files, while the server, its workers and the database are killed
in turn, at even steps of the work. In the end, every analysis must have ended once, with the same figures to
the last digit, and the audit chain must be intact. The exit code is 1 otherwise.
"""

import argparse
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import httpx2
import psutil
import psycopg

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from bench.figures import machine, put
from tests.cohorts import write_fields
from tests.service.postgres import Server
from tests.service.served import ENDED, Served

import marrowscope
from marrowscope.codec import to_json
from marrowscope.domain.patient import PatientReading
from marrowscope.exports.tables import patient_row
from marrowscope.service.analyses import analyses, count
from marrowscope.service.settings import Settings
from marrowscope.service.store.engine import Database

_NETWORKS_BYTES = 200 * 2**20
_RESTART_S = 300
_KINDS = ("server", "worker", "PostgreSQL")


@dataclass(frozen=True)
class Outcome:
    """The state of the analyses in the end."""

    ended_once: int
    same_figures: int
    cells: int
    cells_twice: int
    chain_is_whole: bool


def main() -> None:
    options = _parse()
    with tempfile.TemporaryDirectory(prefix="marrowscope-kill-") as name:
        scratch = Path(name)
        print("Reading undisturbed ...", file=sys.stderr)
        folders = [scratch / "patients" / f"P {number:02d}" for number in range(options.analyses)]
        files = [write_fields(folder, options.fields, seed=100 * n) for n, folder in enumerate(folders)]
        undisturbed = {
            patient.patient: patient
            for patient in marrowscope.analyse(scratch / "patients", scratch / "out").patients
        }
        postgres = Server()
        try:
            started = time.monotonic()
            kills, outcome = _disturb(
                scratch, postgres, dict(zip(folders, files, strict=True)), options, undisturbed
            )
            seconds = time.monotonic() - started
        finally:
            postgres.stop()
    text = _table(options, kills, outcome, seconds)
    print(text)
    if options.into:
        put(options.into, "bench/service/kill.py", text)
    whole = outcome.ended_once == outcome.same_figures == options.analyses
    raise SystemExit(not (whole and outcome.cells_twice == 0 and outcome.chain_is_whole))


def _disturb(
    scratch: Path,
    postgres: Server,
    patients: dict[Path, list[Path]],
    options: argparse.Namespace,
    undisturbed: dict[str, PatientReading],
) -> tuple[Counter[str], Outcome]:
    url = postgres.create("kills")
    served = Served(scratch / "data", url, workers=str(options.workers))
    try:
        requested = {
            served.ask(served.patient(folder.name, files)): folder.name for folder, files in patients.items()
        }
        kills = _kill(served, postgres, list(requested), options)
        for analysis in requested:
            served.wait_until(analysis, lambda shown: shown["status"] in ENDED, timeout_s=1800)
    finally:
        served.stop()
    return kills, _outcome(url, scratch / "data", requested, undisturbed)


def _kill(
    served: Served, postgres: Server, requested: list[str], options: argparse.Namespace
) -> Counter[str]:
    """Kill processes in turn, each a random moment after another part of the fields is done."""
    random_source = random.Random(options.seed)
    kills: Counter[str] = Counter()
    total = len(requested) * options.fields
    for number in range(options.kills):
        _wait_for_work(served, requested, round(total * number / (options.kills + 1)))
        time.sleep(random_source.uniform(0, 1))
        kind = _KINDS[number % len(_KINDS)]
        print(f"{number + 1}: kill -9 of {kind}", file=sys.stderr)
        if kind == "server":
            served.kill()
            served.start()
        elif kind == "worker":
            _kill_worker(served, requested, random_source)
        else:
            _kill_postgres(postgres)
        kills[kind] += 1
    return kills


def _wait_for_work(served: Served, requested: list[str], done: int) -> None:
    end = time.monotonic() + 1800
    while time.monotonic() < end:
        try:
            shown = [served.analysis(each) for each in requested]
            if sum(each["done"] for each in shown) >= done:
                return
        except httpx2.HTTPError:  # while the database is away
            pass
        time.sleep(0.2)
    raise TimeoutError("the analyses make no progress")


def _kill_worker(served: Served, requested: list[str], random_source: random.Random) -> None:
    """Kill a worker with networks in memory, not one of the small processes that decode uploads."""
    while not (workers := [worker for worker in served.workers() if _has_networks(worker)]):
        if all(served.analysis(each)["status"] in ENDED for each in requested):
            raise RuntimeError("all analyses ended before a worker could be killed: give more fields")
        time.sleep(0.1)
    random_source.choice(workers).send_signal(signal.SIGKILL)


def _has_networks(worker: psutil.Process) -> bool:
    try:
        return bool(worker.memory_info().rss > _NETWORKS_BYTES)
    except psutil.NoSuchProcess:
        return False


def _kill_postgres(postgres: Server) -> None:
    """Kill the postmaster and all its processes, and restart it."""
    pid = int((postgres.data / "postmaster.pid").read_text().splitlines()[0])
    processes = [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]
    for process in processes:
        with suppress(psutil.NoSuchProcess):  # some of them live for a moment only
            process.kill()
    psutil.wait_procs(processes, timeout=_RESTART_S)
    end = time.monotonic() + _RESTART_S
    while True:
        try:
            postgres.start()
        except subprocess.CalledProcessError:  # until those that it forked last have noticed its death
            if time.monotonic() > end:
                raise RuntimeError(f"PostgreSQL does not restart:\n{postgres.log[-2000:]}") from None
            time.sleep(0.5)
        else:
            return


def _outcome(
    url: str, data: Path, requested: dict[str, str], undisturbed: dict[str, PatientReading]
) -> Outcome:
    database = Database(Settings(database=url).database_url)
    same = 0
    for analysis, name in requested.items():
        with database.reading() as session:
            reading = count.network_reading(session, analyses.get(session, analysis))
        same += _is_same(reading, undisturbed[name])
    database.close()
    with psycopg.connect(url) as connection:
        ends = Counter(
            subject
            for (subject,) in connection.execute(
                "SELECT subject_id FROM audit_entries WHERE action IN ('analysis.done', 'analysis.failed')"
            )
        )
        cells, distinct = connection.execute(
            "SELECT count(*), count(DISTINCT (analysis_id, field_id, number)) FROM cells"
        ).fetchone() or (0, 0)
    environment = {**os.environ, "MARROWSCOPE_DATABASE": url}
    command = [sys.executable, "-m", "marrowscope", "audit", "verify", "--data", str(data)]
    verified = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    print(verified.stdout + verified.stderr, file=sys.stderr)
    expected = sum(len(patient.cells) for patient in undisturbed.values())
    return Outcome(
        ended_once=sum(ends[analysis] == 1 for analysis in requested),
        same_figures=same,
        cells=cells,
        cells_twice=abs(cells - expected) + cells - distinct,
        chain_is_whole=verified.returncode == 0,
    )


def _is_same(reading: PatientReading, undisturbed: PatientReading) -> bool:
    """Compare the patient's row, and every box and probability of every field to its last digit."""
    rows = patient_row(reading) == patient_row(undisturbed)
    fields = [to_json(field) for field in reading.fields]
    return rows and fields == [to_json(field) for field in undisturbed.fields]


def _table(options: argparse.Namespace, kills: Counter[str], outcome: Outcome, seconds: float) -> str:
    killed = ", ".join(f"{number} × {kind}" for kind, number in kills.items())
    return f"""
| what | measured |
|---|---|
| analyses, fields | {options.analyses}, {options.analyses * options.fields} |
| kill -9 | {kills.total()}: {killed} |
| analyses that ended once | {outcome.ended_once} of {options.analyses} |
| with the figures undisturbed, to the last digit | {outcome.same_figures} of {options.analyses} |
| cells; lost or counted twice | {outcome.cells}; {outcome.cells_twice} |
| audit chain | {"whole" if outcome.chain_is_whole else "BROKEN"} |
| time | {seconds:.0f} s |

`python bench/service/kill.py --analyses {options.analyses} --fields {options.fields}
--kills {options.kills}`;
{machine()}.
""".strip()


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--analyses", type=int, default=20)
    parser.add_argument("--fields", type=int, default=3, help="of each patient")
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--seed", type=int, default=1, help="of the random moments")
    parser.add_argument("--into", type=Path, help="document to write the table to")
    return parser.parse_args()


if __name__ == "__main__":
    main()
