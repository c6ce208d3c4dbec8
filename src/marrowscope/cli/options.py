"""Options that several commands share."""

from pathlib import Path
from typing import Annotated

import typer

from marrowscope.domain.decision import RULES, Rule, custom_rule
from marrowscope.errors import InputError

Out = Annotated[Path, typer.Option("--out", "-o", help="Folder for the results.")]
RuleName = Annotated[str, typer.Option(help=f"Decision rule: {', '.join(RULES)}.")]
Threshold = Annotated[
    float | None, typer.Option(help="Blast percentage of a custom rule, instead of --rule.")
]
Inclusive = Annotated[
    bool, typer.Option("--inclusive/--exclusive", help="Whether exactly --threshold is positive.")
]
MinCells = Annotated[int, typer.Option(min=1, help="With fewer counted cells, no decision is given.")]
TargetCells = Annotated[
    int,
    typer.Option(
        min=1,
        help="Recommended number of counted cells, of blood no more than --min-cells; with fewer, the report "
        "says so.",
    ),
]
BlastEquivalents = Annotated[
    str,
    typer.Option(
        help="Further types that count as blasts, separated by commas, such as promonocyte in monocytic "
        "leukemia or promyelocyte in acute promyelocytic leukemia. None by default."
    ),
]
Mpp = Annotated[
    float | None,
    typer.Option(help="Micrometres per pixel of all images; by default read from the files or measured."),
]
Objective = Annotated[
    float | None, typer.Option(help="Magnification of the objective, such as 100; needs --camera-um.")
]
CameraUm = Annotated[
    float | None, typer.Option(help="Side of one of the camera's pixels in µm, from its data sheet.")
]
CountBorderCells = Annotated[
    bool, typer.Option("--count-border-cells", help="Also count cells cut by the image's edge.")
]
SingleCells = Annotated[
    bool,
    typer.Option(
        "--single-cells",
        help="Images are of one cell each, as analysers export them: the cell in the middle is counted. "
        "Sub-folders named after cell types are signed names, shown beside the networks'.",
    ),
]
UntilSettled = Annotated[
    bool,
    typer.Option(
        "--until-settled",
        help="Read a patient's fields in random order until the count decides, and no more. The interval "
        "is wider, so that it holds although it is looked at again and again.",
    ),
]
Tiles = Annotated[
    str,
    typer.Option(
        help="Of whole slides: random reads tiles at random over the area in which cells lie in one "
        "layer, until --target-cells are counted; best takes those with the most nucleated cells first; "
        "all reads all of them."
    ),
]
NoPictures = Annotated[
    bool,
    typer.Option(
        "--no-pictures",
        help="Draw no annotated pictures, which take longer than anything but the networks. The report keeps "
        "its pictures of cells. --resume without this option draws them later, and reads nothing again.",
    ),
]
SpecimenName = Annotated[
    str,
    typer.Option(
        help="marrow or blood: what the smears are of. A manifest may state it for each patient, in its "
        "column specimen. Not stated by default: then erythroblasts are counted, as in marrow.",
        show_default=False,
    ),
]
LaboratoryFile = Annotated[
    Path | None,
    typer.Option(help="TOML file with the laboratory's name, address and reference ranges."),
]
BundleName = Annotated[str | None, typer.Option(help="Networks: a built-in name or a folder.")]
Threads = Annotated[int, typer.Option(min=1, help="Processor threads inside each process.")]
Resume = Annotated[bool, typer.Option("--resume", help="Continue an interrupted run in --out.")]
Overwrite = Annotated[
    bool, typer.Option("--overwrite", help="Replace the results of an earlier run in --out.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print as JSON.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Show no progress.")]


def chosen_rule(name: str, threshold: float | None, *, inclusive: bool) -> Rule:
    """Return the rule that the options select.

    Raises
    ------
    InputError
        There is no such rule, or the threshold is out of range.
    """
    if threshold is not None:
        try:
            return custom_rule(threshold, inclusive=inclusive)
        except ValueError as error:
            raise InputError(str(error)) from error
    if name not in RULES:
        raise InputError(f"no rule {name}: choose {', '.join(RULES)}, or set --threshold")
    return RULES[name]


def stated_mpp(mpp: float | None, objective: float | None, camera_um: float | None) -> float | None:
    """Return the scale that the options state, if any."""
    from marrowscope.domain.scale import mpp_of_optics

    if (objective is None) != (camera_um is None):
        raise InputError("--objective and --camera-um belong together")
    if objective is not None and camera_um is not None:
        if mpp is not None:
            raise InputError("give --mpp, or --objective and --camera-um, not both")
        if objective <= 0 or camera_um <= 0:
            raise InputError("--objective and --camera-um must be greater than 0")
        return mpp_of_optics(objective, camera_um)
    return mpp


def listed(names: str) -> list[str]:
    """Return the names of an option that takes several, separated by commas."""
    return [name for name in names.split(",") if name.strip()]
