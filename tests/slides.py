"""Slides on disk for tests, in the formats of scanners, made of pixels with known truth."""

import io
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import tifffile
from PIL import Image
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.uid import JPEGBaseline8Bit, VLWholeSlideMicroscopyImageStorage, generate_uid

from marrowscope.synth.slide import SyntheticSlide, draw_slide

Pixels = npt.NDArray[np.uint8]

TILE = 256
LABEL_GREY = 7
"""Grey of the label and macro images, which no picture of the smear has."""


def smaller(pixels: Pixels, factor: int) -> Pixels:
    """Shrink by averaging, as scanners do."""
    return np.asarray(Image.fromarray(pixels).reduce(factor))


def label() -> Pixels:
    """Return a label or macro image."""
    return np.full((96, 128, 3), LABEL_GREY, np.uint8)


def write_svs(path: Path, pixels: Pixels, mpp: float, levels: Sequence[int] = (4,)) -> Path:
    """Write what OpenSlide takes for a slide of an Aperio scanner, with a label and a macro image."""
    height, width = pixels.shape[:2]
    head = f"Aperio Image Library v11.2.1\r\n{width}x{height}"
    about = f"{head} [0,0 {width}x{height}] ({TILE}x{TILE}) JPEG/RGB Q=90|AppMag = 40|MPP = {mpp:.4f}"
    with tifffile.TiffWriter(path) as writer:
        _write_level(writer, pixels, description=about)
        writer.write(
            smaller(pixels, 16), photometric="rgb", rowsperstrip=16, metadata=None, description=about
        )
        for factor in levels:
            _write_level(writer, smaller(pixels, factor), description=about)
        for kind, flags in (("label", 1), ("macro", 9)):
            writer.write(
                label(),
                photometric="rgb",
                metadata=None,
                rowsperstrip=96,
                subfiletype=flags,
                description=f"{head}\r\n{kind} 128x96",
            )
    return path


def write_pyramid(path: Path, pixels: Pixels, mpp: float | None, levels: Sequence[int] = (4,)) -> Path:
    """Write a generic pyramid: tiled pages of falling size."""
    scale: dict[str, Any] = (
        {} if mpp is None else {"resolution": (1e4 / mpp, 1e4 / mpp), "resolutionunit": "CENTIMETER"}
    )
    with tifffile.TiffWriter(path) as writer:
        for factor in (1, *levels):
            here: dict[str, Any] = {} if factor > 1 else scale
            _write_level(writer, smaller(pixels, factor), subfiletype=int(factor > 1), **here)
    return path


def write_ome(path: Path, pixels: Pixels, mpp: float, levels: Sequence[int] = (2, 4)) -> Path:
    """Write an OME-TIFF with its pyramid in sub-directories."""
    about = {
        "axes": "YXS",
        "PhysicalSizeX": mpp,
        "PhysicalSizeXUnit": "µm",
        "PhysicalSizeY": mpp,
        "PhysicalSizeYUnit": "µm",
    }
    with tifffile.TiffWriter(path, ome=True) as writer:
        writer.write(pixels, subifds=len(levels), metadata=about, **_TILED)
        for factor in levels:
            writer.write(smaller(pixels, factor), subfiletype=1, metadata=None, **_TILED)
    return path


def write_dicom(folder: Path, pixels: Pixels, mpp: float, levels: Sequence[int] = (2, 4)) -> Path:
    """Write a series of whole-slide instances, one a level, and a label; return the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    series = {name: generate_uid() for name in ("study", "series", "frame", "pyramid")}
    flavours = [("VOLUME", 1), *(("VOLUME", factor) for factor in levels), ("LABEL", 1)]
    for number, (flavour, factor) in enumerate(flavours):
        picture = label() if flavour == "LABEL" else smaller(pixels, factor)
        instance = _instance(picture, mpp * factor, flavour, factor, series)
        instance.save_as(folder / f"{number}.dcm", enforce_file_format=True)
    return folder


_TILED: dict[str, Any] = {
    "tile": (TILE, TILE),
    "photometric": "rgb",
    "compression": "jpeg",
    "compressionargs": {"level": 92},
}


def _write_level(writer: tifffile.TiffWriter, pixels: Pixels, **options: Any) -> None:
    writer.write(pixels, metadata=None, **_TILED, **options)


def _instance(pixels: Pixels, mpp: float, flavour: str, factor: int, series: Mapping[str, str]) -> Dataset:
    """Return one instance of PS3.3 A.32.8, fully tiled, its frames as JPEG."""
    height, width = pixels.shape[:2]
    made = Dataset()
    made.file_meta = FileMetaDataset()
    made.file_meta.TransferSyntaxUID = JPEGBaseline8Bit
    made.SOPClassUID = made.file_meta.MediaStorageSOPClassUID = VLWholeSlideMicroscopyImageStorage
    made.SOPInstanceUID = made.file_meta.MediaStorageSOPInstanceUID = generate_uid()
    made.StudyInstanceUID, made.SeriesInstanceUID = series["study"], series["series"]
    made.FrameOfReferenceUID = series["frame"]
    made.PyramidUID = series["pyramid"]
    made.PositionReferenceIndicator = "SLIDE_CORNER"
    made.Modality = "SM"
    made.StudyDate = made.ContentDate = "20260101"
    made.StudyTime = made.ContentTime = "120000"
    made.AcquisitionDateTime = "20260101120000"
    made.PatientName, made.PatientID = "Smear^Test", "1"
    made.PatientBirthDate = made.PatientSex = made.AccessionNumber = made.StudyID = ""
    made.ReferringPhysicianName = ""
    made.Manufacturer, made.ManufacturerModelName = "Test", "Test"
    made.DeviceSerialNumber, made.SoftwareVersions = "1", "1"
    made.SeriesNumber = made.InstanceNumber = 1
    made.ImageType = ["ORIGINAL", "PRIMARY", flavour, "NONE" if factor == 1 else "RESAMPLED"]
    made.ContainerIdentifier = "1"
    made.IssuerOfTheContainerIdentifierSequence = []
    made.ContainerTypeCodeSequence = [_code("433466003", "SCT", "Microscope slide")]
    made.AcquisitionContextSequence = []
    made.VolumetricProperties = "VOLUME"
    made.SpecimenLabelInImage = "YES" if flavour == "LABEL" else "NO"
    made.FocusMethod, made.ExtendedDepthOfField, made.BurnedInAnnotation = "AUTO", "NO", "NO"
    made.LossyImageCompression = "01"
    made.LossyImageCompressionRatio, made.LossyImageCompressionMethod = 10, "ISO_10918_1"
    made.PresentationLUTShape = "IDENTITY"
    made.SamplesPerPixel, made.PhotometricInterpretation, made.PlanarConfiguration = 3, "YBR_FULL_422", 0
    made.BitsAllocated, made.BitsStored, made.HighBit, made.PixelRepresentation = 8, 8, 7, 0
    side = (height, width) if flavour == "LABEL" else (TILE, TILE)
    made.Rows, made.Columns = side
    made.TotalPixelMatrixColumns, made.TotalPixelMatrixRows = width, height
    made.TotalPixelMatrixFocalPlanes = 1
    made.ImagedVolumeWidth, made.ImagedVolumeHeight = width * mpp / 1000, height * mpp / 1000
    made.ImagedVolumeDepth = 0.001
    made.ImageOrientationSlide = [0, -1, 0, -1, 0, 0]
    made.DimensionOrganizationType = "TILED_FULL"
    made.NumberOfOpticalPaths = 1
    origin = Dataset()
    origin.XOffsetInSlideCoordinateSystem = origin.YOffsetInSlideCoordinateSystem = 0
    made.TotalPixelMatrixOriginSequence = [origin]
    made.OpticalPathSequence = [_optical_path()]
    measures, shared = Dataset(), Dataset()
    measures.PixelSpacing = [mpp / 1000, mpp / 1000]
    measures.SliceThickness, measures.SpacingBetweenSlices = 0.001, 0.001
    shared.PixelMeasuresSequence = [measures]
    made.SharedFunctionalGroupsSequence = [shared]
    frames = _frames(pixels, side)
    made.NumberOfFrames = len(frames)
    made.PixelData = encapsulate(frames)
    made["PixelData"].VR = "OB"
    made["PixelData"].is_undefined_length = True
    return made


def _frames(pixels: Pixels, side: tuple[int, int]) -> list[bytes]:
    frames = []
    for top in range(0, pixels.shape[0], side[0]):
        for left in range(0, pixels.shape[1], side[1]):
            frame = np.full((*side, 3), 255, np.uint8)
            part = pixels[top : top + side[0], left : left + side[1]]
            frame[: part.shape[0], : part.shape[1]] = part
            stream = io.BytesIO()
            Image.fromarray(frame).save(stream, "JPEG", quality=92)
            frames.append(stream.getvalue())
    return frames


def _code(value: str, scheme: str, meaning: str) -> Dataset:
    code = Dataset()
    code.CodeValue, code.CodingSchemeDesignator, code.CodeMeaning = value, scheme, meaning
    return code


def _optical_path() -> Dataset:
    path = Dataset()
    path.OpticalPathIdentifier = "1"
    path.IlluminationTypeCodeSequence = [_code("111744", "DCM", "Brightfield illumination")]
    path.IlluminationColorCodeSequence = [_code("371251000", "SCT", "White color")]
    return path


@cache
def smear(
    seed: int = 3, *, mpp: float = 0.5, side_um: tuple[float, float] = (1792.0, 1280.0)
) -> SyntheticSlide:
    """Return a slide with known areas and cells, drawn once."""
    return draw_slide(seed, width_um=side_um[0], height_um=side_um[1], mpp=mpp)
