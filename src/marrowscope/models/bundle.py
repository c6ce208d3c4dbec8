"""A bundle: both networks and everything that must match them, verified before use.

A bundle is a folder::

    bundle.toml         input size, scaling, thresholds, temperatures, classes, error rates, laboratories
    detector.onnx       YOLOX-Nano
    classifier.onnx     EfficientNet-B3, two heads
    feature_space.npz   distribution of the training cells in the classifier's feature space
    metrics.json, MODEL_CARD.md   written by the evaluation
    SHA256SUMS          digest of every other file
"""

import hashlib
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from marrowscope.domain.case.specimen import Specimen
from marrowscope.domain.rates import BlastKind, ErrorRates, KnownErrors, Laboratory, PatientCells, Validation
from marrowscope.domain.taxonomy import BLAST, taxonomy
from marrowscope.errors import BundleError

FORMAT = 3
SUMS = "SHA256SUMS"
SETTINGS = "bundle.toml"
BUILTIN = Path(__file__).parent / "builtin"
DEFAULT_NAME = "marrowscope-1"


@dataclass(frozen=True)
class DetectorSettings:
    """Settings of the detector.

    Attributes
    ----------
    file : network, relative to the bundle
    architecture : name of the network
    working_mpp : micrometres per pixel at which the network was trained
    tile_px, overlap_px : largest input side and overlap of neighbouring tiles, pixels at working scale
    typical_cell_px : median side of a leukocyte's box at working scale, used to estimate scales
    score_threshold : least confidence of the boxes kept
    nms_iou, nms_ios : overlap (relative to the union, to the smaller box) above which two boxes are one cell
    """

    file: str
    architecture: str
    working_mpp: float
    tile_px: int
    overlap_px: int
    typical_cell_px: float
    score_threshold: float
    nms_iou: float
    nms_ios: float

    @classmethod
    def of(cls, table: Mapping[str, Any]) -> Self:
        """Read the settings from a table of TOML or JSON. Raises TypeError where they are not these."""
        return cls(**table)


@dataclass(frozen=True)
class ClassifierSettings:
    """Settings of the classifier: how crops are prepared and its outputs interpreted.

    Attributes
    ----------
    file : network, relative to the bundle
    architecture : name of the network
    input_px : side of the square crop
    context : side of the crop divided by the longer side of the cell's box
    mean, std : per RGB channel, of values in 0..1
    types : types that the second head distinguishes, in the order of its outputs
    blast_threshold : blast probability from which a cell is called a blast
    type_threshold : least probability of a type; below it the cell is unclassified
    uncertain_blast : range of blast probabilities, around the threshold, within which a cell is neither
        surely a blast nor surely none; empty where the bundle does not state it
    blast_temperature, type_temperature : divisors that calibrate the logits
    experimental : types whose cells were taught from one laboratory alone
    feature_space : file that identifies unfamiliar cells, relative to the bundle; empty if there is none
    """

    file: str
    architecture: str
    input_px: int
    context: float
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    types: tuple[str, ...]
    blast_threshold: float
    type_threshold: float
    blast_temperature: float
    type_temperature: float
    uncertain_blast: tuple[float, float] = (0.0, 0.0)
    experimental: tuple[str, ...] = ()
    feature_space: str = ""

    @classmethod
    def of(cls, table: Mapping[str, Any]) -> Self:
        """Read the settings from a table of TOML or JSON. KeyError, TypeError or ValueError on others."""
        names = ("mean", "std", "types", "uncertain_blast", "experimental")
        rows = {name: tuple(table[name]) for name in names if name in table}
        return cls(**{**table, **rows})


@dataclass(frozen=True)
class Bundle:
    """A verified bundle on disk.

    Attributes
    ----------
    error_rates : of the classifier on held-out cells of the training's laboratories, None if not measured
    laboratories : how networks that never saw a laboratory named its cells, an entry for each; the figures by
        which counts are corrected
    blast_kinds : the same by kind of blast
    """

    folder: Path
    name: str
    version: str
    licence: str
    trained_on: tuple[str, ...]
    sha256: str
    detector: DetectorSettings
    classifier: ClassifierSettings
    error_rates: ErrorRates | None
    laboratories: tuple[Laboratory, ...] = ()
    blast_kinds: tuple[BlastKind, ...] = ()

    def known_errors(self, validation: Validation | None = None) -> KnownErrors:
        """Return what is known of the networks' errors, with this laboratory's own validation if it has one.

        A validation of other networks is left out.
        """
        own = validation if validation and validation.bundle_sha256 == self.sha256 else None
        return KnownErrors(
            self.laboratories,
            own,
            self.classifier.types,
            self.blast_kinds,
            self.classifier.experimental,
        )

    @property
    def title(self) -> str:
        """Name and version, for print."""
        return f"{self.name} {self.version}"


def list_builtin() -> tuple[str, ...]:
    """Return the names of the bundles in the package."""
    return tuple(sorted(p.parent.name for p in BUILTIN.glob(f"*/{SETTINGS}")))


def load_bundle(bundle: str | Path | None = None) -> Bundle:
    """Open a bundle by built-in name or folder, after checking all digests.

    Raises
    ------
    BundleError
        There is no such bundle, or one of its files is missing, altered or not understood.
    """
    folder = _locate(bundle)
    sha256 = verify(folder)
    try:
        document = tomllib.loads((folder / SETTINGS).read_text("utf-8"))
        return _parse(folder, document, sha256)
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BundleError(f"{folder.name}/{SETTINGS} is not readable: {error}") from error
    except (KeyError, TypeError, ValueError) as error:
        raise BundleError(f"{folder.name}/{SETTINGS}: {error!s} is missing or wrong") from error


def verify(folder: Path) -> str:
    """Check all files of a bundle against its list of digests, and return the digest of that list.

    Raises
    ------
    BundleError
        There is no list, or it names a file that is missing, altered or outside the bundle.
    """
    sums = folder / SUMS
    if not sums.is_file():
        raise BundleError(f"{folder} is not a bundle: it has no {SUMS}")
    listed: set[str] = set()
    for line in sums.read_text("utf-8").splitlines():
        digest, _, name = line.partition("  ")
        path = folder / name
        if not name or Path(name).is_absolute() or ".." in Path(name).parts:
            raise BundleError(
                f"{folder.name}/{SUMS} has a line that is not the digest of a file in the bundle"
            )
        if not path.is_file():
            raise BundleError(f"bundle {folder.name} has no file {name}")
        if _sha256(path) != digest:
            raise BundleError(f"{folder.name}/{name} is not the released file (its digest differs)")
        listed.add(name)
    if SETTINGS not in listed:
        raise BundleError(f"{folder.name}/{SUMS} does not list {SETTINGS}")
    return _sha256(sums)


def write_sums(folder: Path) -> str:
    """Write the list of digests of a finished bundle, and return the digest of that list."""
    names = sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file())
    lines = [f"{_sha256(folder / name)}  {name}\n" for name in names if name != SUMS]
    (folder / SUMS).write_text("".join(lines), "utf-8")
    return _sha256(folder / SUMS)


def _locate(bundle: str | Path | None) -> Path:
    folder = BUILTIN / (DEFAULT_NAME if bundle in {None, "builtin"} else str(bundle))
    if bundle is not None and (isinstance(bundle, Path) or not folder.is_dir()):
        folder = Path(bundle)
    if not folder.is_dir():
        known = ", ".join(list_builtin()) or "none"
        raise BundleError(
            f"there is no bundle {bundle or DEFAULT_NAME}: it is neither a folder nor built in ({known})"
        )
    return folder


def _parse(folder: Path, document: Mapping[str, Any], sha256: str) -> Bundle:
    head = document["bundle"]
    if head["format"] != FORMAT:
        raise BundleError(
            f"bundle {folder.name} has format {head['format']}, but this version reads format {FORMAT}"
        )
    classifier = ClassifierSettings.of(document["classifier"])
    unknown = [name for name in classifier.types if name not in taxonomy() or taxonomy()[name].is_blast]
    if unknown:
        raise BundleError(f"bundle {folder.name} has types that the taxonomy lacks: {', '.join(unknown)}")
    return Bundle(
        folder=folder,
        name=head["name"],
        version=head["version"],
        licence=head["licence"],
        trained_on=tuple(head["trained_on"]),
        sha256=sha256,
        detector=DetectorSettings.of(document["detector"]),
        classifier=classifier,
        error_rates=ErrorRates(**document["error_rates"]) if "error_rates" in document else None,
        laboratories=tuple(map(_laboratory, document.get("laboratories", ()))),
        blast_kinds=tuple(BlastKind(**entry) for entry in document.get("blast_kinds", ())),
    )


def _laboratory(entry: Mapping[str, Any]) -> Laboratory:
    patients = tuple(PatientCells(*counts) for counts in entry.get("by_patient", ()))
    return Laboratory(**{**entry, "specimen": Specimen(entry["specimen"]), "by_patient": patients})


def class_names(settings: ClassifierSettings) -> tuple[str, ...]:
    """Return the columns of the joint probabilities: blast first, then the types."""
    return (BLAST, *settings.types)


def _sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
