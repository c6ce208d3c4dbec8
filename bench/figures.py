"""Writing of measured figures into a document, between marks with the script's name."""

import os
import platform
import re
from pathlib import Path

import psutil


def put(document: Path, name: str, text: str) -> None:
    """Replace the text between ``<!-- name -->`` and ``<!-- /name -->``; append it if there are no marks."""
    content = document.read_text("utf-8") if document.exists() else ""
    block = f"<!-- {name} -->\n{text.strip()}\n<!-- /{name} -->"
    marked = re.compile(rf"<!-- {re.escape(name)} -->.*?<!-- /{re.escape(name)} -->", re.DOTALL)
    if marked.search(content):
        content = marked.sub(lambda _: block, content)
    else:
        content = f"{content.rstrip()}\n\n{block}\n".lstrip()
    document.write_text(content, "utf-8")


def machine() -> str:
    """Return a description of this machine and its load."""
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else 0.0
    memory = psutil.virtual_memory().total / 2**30
    return (
        f"{os.cpu_count()} cores ({platform.machine()}), {memory:.0f} GiB, "
        f"Python {platform.python_version()}, load average {load:.1f} at the end"
    )


def resident(process: psutil.Process) -> int:
    """Sum the resident sets of a process and its children; ended ones count as zero."""
    total = 0
    try:
        for one in [process, *process.children(recursive=True)]:
            total += one.memory_info().rss
    except psutil.NoSuchProcess:
        return total
    return total
