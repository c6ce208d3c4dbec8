"""Writing of measured figures into a document, between marks with the script's name."""

import os
import platform
import re
from dataclasses import dataclass
from pathlib import Path

import psutil


@dataclass(frozen=True)
class Options:
    """What a part of the benchmark is asked for.

    Attributes
    ----------
    turns : how often what is compared is measured; medians are told
    images : a patient's folder, to be read instead of drawn fields
    peer_onnx : a detector of others, beside the other peers
    peer_classes : which of its classes are leukocytes; by default those that are called so
    peer_fields : of each labelled set
    """

    turns: int = 3
    images: Path | None = None
    peer_onnx: Path | None = None
    peer_classes: tuple[int, ...] = ()
    peer_fields: int = 40


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
