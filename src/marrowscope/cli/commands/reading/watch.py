"""``marrowscope watch``: a count that goes on while a camera writes."""

import signal
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING, Annotated

import typer

from marrowscope.cli.commands.reading.analyse import refuse_unread, show
from marrowscope.cli.console import one_line_errors, say
from marrowscope.cli.keys import on_enter
from marrowscope.cli.options import (
    BlastEquivalents,
    BundleName,
    CameraUm,
    CountBorderCells,
    Inclusive,
    LaboratoryFile,
    MinCells,
    Mpp,
    Objective,
    Out,
    Overwrite,
    Quiet,
    Resume,
    RuleName,
    SpecimenName,
    TargetCells,
    Threads,
    Threshold,
    chosen_rule,
    listed,
    stated_mpp,
)
from marrowscope.domain.decision import FLOOR, OVER_20, TARGET
from marrowscope.domain.quantity import quantity

if TYPE_CHECKING:
    from types import FrameType

    from marrowscope.live.camera import Camera

EXAMPLE = (
    "Example:  marrowscope watch captures/BM-26-0412 -o results/    until Ctrl-C\n\n"
    "Example:  marrowscope watch captures/BM-26-0412 -o results/ --until-settled\n\n"
    "Example:  marrowscope watch --camera 0 -o results/BM-26-0412    Enter takes a field"
)


@one_line_errors
def watch(
    folder: Annotated[
        Path | None,
        typer.Argument(help="The folder that the camera writes to: of a patient, or one for each patient."),
    ] = None,
    out: Out = Path("results"),
    camera: Annotated[
        str,
        typer.Option(
            "--camera",
            metavar="NUMBER",
            help="Take fields from a camera of this machine, the first is 0, into FOLDER or OUT/captures.",
        ),
    ] = "",
    rule: RuleName = OVER_20.id,
    threshold: Threshold = None,
    inclusive: Inclusive = False,
    min_cells: MinCells = FLOOR,
    target_cells: TargetCells = TARGET,
    blast_equivalents: BlastEquivalents = "",
    mpp: Mpp = None,
    objective: Objective = None,
    camera_um: CameraUm = None,
    count_border_cells: CountBorderCells = False,
    specimen: SpecimenName = "",
    laboratory: LaboratoryFile = None,
    bundle: BundleName = None,
    threads: Threads = 2,
    resume: Resume = False,
    overwrite: Overwrite = False,
    until_settled: Annotated[
        bool, typer.Option("--until-settled", help="End as soon as the count decides.")
    ] = False,
    until_target: Annotated[
        bool, typer.Option("--until-target", help="End as soon as --target-cells are counted.")
    ] = False,
    idle: Annotated[
        float | None, typer.Option(min=0.01, help="End when no image came for so many minutes.")
    ] = None,
    sound: Annotated[
        bool, typer.Option("--sound/--no-sound", help="Beep when the target or a decision is reached.")
    ] = True,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print a line of JSON for every patient whose count went on.")
    ] = False,
    quiet: Quiet = False,
) -> None:
    """Count while a camera writes: every image is read as it comes, and the share so far is shown.

    Images that are in the folder already are counted, too, and links in it are followed. With --camera,
    Enter or Space takes the field that the camera shows, whose focus is told beside the sharpest so far.
    Ctrl-C ends the count and writes the report. The count is looked at all the time, so its interval is
    wider than that of a count looked at once.
    """
    from marrowscope import api
    from marrowscope.cli.live_display import LiveDisplay
    from marrowscope.errors import InputError
    from marrowscope.live.camera import open_camera
    from marrowscope.live.count import Until

    if folder is None and not camera:
        raise InputError("name the folder that the camera writes to, or a camera of this machine (--camera)")
    images = folder or out / "captures" / (out.absolute().name or "captures")
    aside = None
    with ExitStack() as stack:
        stop = stack.enter_context(_stopping())
        if camera:
            taking = stack.enter_context(open_camera(camera, images))
            stack.enter_context(on_enter(taking.take))
            aside = partial(_camera_line, taking)
        display = stack.enter_context(LiveDisplay(quiet=quiet, sound=sound, as_json=as_json, aside=aside))
        report = api.watch(
            images,
            out,
            bundle=bundle,
            rule=chosen_rule(rule, threshold, inclusive=inclusive),
            floor=min_cells,
            target=target_cells,
            blast_equivalents=listed(blast_equivalents),
            mpp=stated_mpp(mpp, objective, camera_um),
            count_border_cells=count_border_cells,
            specimen=specimen,
            laboratory=laboratory,
            threads=threads,
            resume=resume,
            overwrite=overwrite,
            until=Until(until_settled, until_target, None if idle is None else 60 * idle),
            stop=stop,
            listener=display,
        )
    if display.waiting:
        say(f"not read yet: {quantity(display.waiting, 'image')}; continue with --resume")
    if not as_json:
        show(report, out, as_json=False)
    refuse_unread(report)


def _camera_line(camera: "Camera") -> str:
    view = camera.view
    if view.fault or view.focus is None or view.size is None:
        return view.fault or "Waiting for the camera …"
    share = round(100 * view.focus / view.best) if view.best else 0
    taken = quantity(view.taken, "field")
    width, height = view.size
    figures = f"Focus {view.focus:.0f}, {share} % of the sharpest · {width} × {height}"
    return f"{figures} · Enter takes a field ({taken})"


@contextmanager
def _stopping() -> Iterator[Event]:
    """Yield what the first interrupt sets, so that the report is still written; a second one ends at once."""
    stop = Event()

    def end(number: int, frame: "FrameType | None") -> None:
        del number, frame
        if stop.is_set():
            raise KeyboardInterrupt
        stop.set()

    earlier = {each: signal.signal(each, end) for each in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for each, handler in earlier.items():
            signal.signal(each, handler)
