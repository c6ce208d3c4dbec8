"""Use the service as a program would: `python try_service.py PATIENTS OUT`.

Starts `marrowscope serve` on the loopback address, requests the page, uploads the images of all patients,
waits for the analyses, and writes each patient's `patients.csv` and `report.pdf` to `OUT/<patient>/`. While
the service runs, it is backed up; the backup is restored as SQLite, whatever it was, and verified.
Needs only the standard library, so that it runs wherever the package does.
"""

import json
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

ADDRESS = "http://127.0.0.1:8017"
API = f"{ADDRESS}/api/v1"
START_SECONDS, READ_SECONDS = 120, 900
BOUNDARY = "marrowscope-try-service"


class Client:
    """Calls the service with authentication off; unsafe requests carry the CSRF token."""

    def __init__(self) -> None:
        self._opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor())
        self._token = ""
        self._token = self.json("GET", "/session")["csrf_token"]

    def call(self, method: str, url: str, body: bytes | None = None, kind: str = "application/json") -> bytes:
        """Return the body of a response; raises HTTPError for a refusal."""
        headers = {"Content-Type": kind, "X-CSRF-Token": self._token}
        request = urllib.request.Request(url, body, headers, method=method)  # noqa: S310  # loopback alone
        with self._opener.open(request, timeout=READ_SECONDS) as answer:
            return bytes(answer.read())

    def json(self, method: str, path: str, document: Any = None) -> Any:
        """Return the JSON of a response of the REST interface."""
        body = None if document is None else json.dumps(document).encode()
        return json.loads(self.call(method, API + path, body))


def main() -> None:
    """Start the service, use it, and write its output for the caller to compare."""
    patients, out = Path(sys.argv[1]), Path(sys.argv[2])
    out.mkdir(parents=True)
    # Not in the system's temporary folder, which in a container is too small for the service.
    with tempfile.TemporaryDirectory(dir=out.parent) as data:
        command = ["marrowscope", "serve", "--authentication", "off", "--port", ADDRESS.rsplit(":", 1)[1]]
        server = subprocess.Popen([*command, "--data", data])
        try:
            _wait_for_service(server)
            client = Client()
            page = client.call("GET", ADDRESS + "/")
            if b'<div id="root">' not in page:
                raise SystemExit("the service does not deliver the page")
            for folder in sorted(path for path in patients.iterdir() if path.is_dir()):
                _read(client, folder, out / folder.name)
            _back_up(data, out)
        finally:
            server.terminate()
            server.wait(60)


def _back_up(data: str, out: Path) -> None:
    archive, restored = out / "backup.tar", out / "restored"
    place = ["--data", str(restored), "--database", f"sqlite:///{restored / 'marrowscope.db'}"]
    for command in (
        ["doctor", "--data", data],
        ["backup", str(archive), "--data", data],
        ["restore", str(archive), *place],
        ["audit", "verify", *place],
    ):
        subprocess.run(["marrowscope", *command], check=True)  # noqa: S607  # the one in the path
    shutil.rmtree(restored)
    archive.unlink()


def _wait_for_service(server: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + START_SECONDS
    reason = "no response"
    while time.monotonic() < deadline and server.poll() is None:
        try:
            urllib.request.urlopen(f"{ADDRESS}/readyz", timeout=5)  # noqa: S310  # loopback alone
        except urllib.error.HTTPError as refusal:
            reason = refusal.read().decode(errors="replace")
        except OSError as error:
            reason = str(error)
        else:
            return
        time.sleep(0.5)
    raise SystemExit(f"the service is not ready in {START_SECONDS} s: {reason}")


def _read(client: Client, folder: Path, out: Path) -> None:
    patient = client.json("POST", "/patients", {"name": folder.name})["id"]
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    body = b"".join(_part(path, path.relative_to(folder).as_posix()) for path in files)
    kind = f"multipart/form-data; boundary={BOUNDARY}"
    client.call("POST", f"{API}/patients/{patient}/files", body + f"--{BOUNDARY}--\r\n".encode(), kind)
    analysis = client.json("POST", f"/patients/{patient}/analyses", {})["id"]
    deadline = time.monotonic() + READ_SECONDS
    while (status := client.json("GET", f"/analyses/{analysis}")["status"]) in {"queued", "running"}:
        if time.monotonic() > deadline:
            raise SystemExit(f"{folder.name}: still {status}")
        time.sleep(1)
    if status != "done":
        raise SystemExit(f"{folder.name}: {status}")
    out.mkdir()
    for name in ("patients.csv", "report.pdf"):
        (out / name).write_bytes(client.call("GET", f"{API}/analyses/{analysis}/exports/{name}"))


def _part(path: Path, name: str) -> bytes:
    head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="files"; filename="{name}"\r\n\r\n'
    return head.encode() + path.read_bytes() + b"\r\n"


if __name__ == "__main__":
    main()
