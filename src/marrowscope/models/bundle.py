"""A bundle: the networks and everything that must agree with them, verified before use.

A bundle is a folder::

    bundle.toml     the only home of input size, scaling, thresholds, temperatures, classes, error rates
    detector.onnx   YOLOX-Nano
    classifier.onnx EfficientNet-B3, two heads
    feature_space.npz   where the training cells lie in the classifier's feature space
    metrics.json, MODEL_CARD.md   written by the evaluation
    SHA256SUMS      digest of every other file
"""

import hashlib
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from marrowscope.domain.rates import ErrorRates
from marrowscope.domain.taxonomy import BLAST, taxonomy
from marrowscope.errors import BundleError
from marrowscope.models.nucleus_size import NucleusSizes

FORMAT = 2
SUMS = "SHA256SUMS"
SETTINGS = "bundle.toml"
BUILTIN = Path(__file__).parent / "builtin"
DEFAULT_NAME = "marrowscope-1"


@dataclass(frozen=True)
class DetectorSettings:
    """How fields are shown to the detector.

    Attributes
    ----------
    file : network, relative to the bundle
    architecture : name of the network
    working_mpp : micrometres per pixel the network was trained at
    tile_px, overlap_px : largest input side and the overlap of neighbouring tiles, pixels at working scale
    typical_cell_px : median side of a leukocyte's box at working scale, by which scale is estimated
    score_threshold : least confidence of a box that is kept
    nms_iou, nms_ios : overlap (of the union, of the smaller) above which two boxes are one cell
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
    """How crops are shown to the classifier, and how its predictions are read.

    Attributes
    ----------
    file : network, relative to the bundle
    architecture : name of the network
    input_px : side of the square crop
    context : side of the crop over the longer side of the cell's box
    mean, std : per RGB channel, of values in 0..1
    types : what the second head tells apart, in the order of its outputs
    blast_threshold : probability from which a cell is called a blast
    type_threshold : least probability of a type; below it the cell is unclassified
    stated_specificity : for which the blast threshold was chosen on validation; 0 where it was not
    blast_temperature, type_temperature : divisors of the logits that calibrate them
    nuclei : how large the nuclei of each type are, beside what the crops show
    feature_space : file that tells unfamiliar cells, relative to the bundle; empty when there is none
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
    nuclei: NucleusSizes = field(default_factory=NucleusSizes)
    stated_specificity: float = 0.0
    feature_space: str = ""

    @classmethod
    def of(cls, table: Mapping[str, Any]) -> Self:
        """Read the settings from a table of TOML or JSON. KeyError, TypeError or ValueError on others."""
        rows = {name: tuple(table[name]) for name in ("mean", "std", "types")}
        nuclei = {"nuclei": NucleusSizes.of(table["nuclei"])} if "nuclei" in table else {}
        return cls(**{**table, **rows, **nuclei})


@dataclass(frozen=True)
class Bundle:
    """A verified bundle on disk.

    `error_rates` are those of the classifier on held-out cells, `unfamiliar_rates` those on cells of other
    laboratories that look unlike the training's; None where not measured.
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
    unfamiliar_rates: ErrorRates | None = None

    @property
    def title(self) -> str:
        """Name and version, for print."""
        return f"{self.name} {self.version}"


def list_builtin() -> tuple[str, ...]:
    """Return the names of the bundles that travel inside the package."""
    return tuple(sorted(p.parent.name for p in BUILTIN.glob(f"*/{SETTINGS}")))


def load_bundle(bundle: str | Path | None = None) -> Bundle:
    """Open a bundle by built-in name or folder, after checking every digest.

    Raises
    ------
    BundleError
        There is no such bundle, or a file of it is missing, altered or not understood.
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
    """Check every file of a bundle against its list of digests and return the digest of that list.

    Raises
    ------
    BundleError
        The list is missing, or names a file that is missing, altered or outside the bundle.
    """
    sums = folder / SUMS
    if not sums.is_file():
        raise BundleError(f"{folder} is not a bundle: it has no {SUMS}")
    named: set[str] = set()
    for line in sums.read_text("utf-8").splitlines():
        digest, _, name = line.partition("  ")
        path = folder / name
        if not name or Path(name).is_absolute() or ".." in Path(name).parts:
            raise BundleError(f"{folder.name}/{SUMS} has a line that is no digest of its own files")
        if not path.is_file():
            raise BundleError(f"bundle {folder.name} lacks {name}")
        if _sha256(path) != digest:
            raise BundleError(f"{folder.name}/{name} is not the file that was released (digest differs)")
        named.add(name)
    if SETTINGS not in named:
        raise BundleError(f"{folder.name}/{SUMS} does not vouch for {SETTINGS}")
    return _sha256(sums)


def write_sums(folder: Path) -> str:
    """Write the list of digests of a finished bundle and return the digest of that list."""
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
        raise BundleError(f"no bundle {bundle or DEFAULT_NAME}: not a folder and not built in ({known})")
    return folder


def _parse(folder: Path, document: Mapping[str, Any], sha256: str) -> Bundle:
    head = document["bundle"]
    if head["format"] != FORMAT:
        raise BundleError(f"bundle {folder.name} has format {head['format']}, this version reads {FORMAT}")
    classifier = ClassifierSettings.of(document["classifier"])
    unknown = [name for name in classifier.types if name not in taxonomy() or taxonomy()[name].is_blast]
    if unknown:
        raise BundleError(f"bundle {folder.name} names types the taxonomy has no place for: {unknown}")
    return Bundle(
        folder=folder,
        name=head["name"],
        version=head["version"],
        licence=head["licence"],
        trained_on=tuple(head["trained_on"]),
        sha256=sha256,
        detector=DetectorSettings.of(document["detector"]),
        classifier=classifier,
        error_rates=_rates(document, "error_rates"),
        unfamiliar_rates=_rates(document, "unfamiliar_rates"),
    )


def _rates(document: Mapping[str, Any], name: str) -> ErrorRates | None:
    return ErrorRates(**document[name]) if name in document else None


def class_names(settings: ClassifierSettings) -> tuple[str, ...]:
    """Return the names of the columns of the joint probabilities: blast first, then the types."""
    return (BLAST, *settings.types)


def _sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
