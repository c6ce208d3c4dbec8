"""Fields as VL Microscopic Images, and what the other objects refer to of them."""

from pathlib import Path

import numpy as np
import numpy.typing as npt
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sr.codedict import codes
from pydicom.uid import ExplicitVRLittleEndian, JPEGLSLossless, VLMicroscopicImageStorage

from marrowscope.domain.case.details import Sex
from marrowscope.domain.patient import CohortReport, PatientReading
from marrowscope.exports.field.cells import ImageCells
from marrowscope.exports.field.images import contents
from marrowscope.exports.hospital.dicom.codes import MANUFACTURER, person_name, uid_of
from marrowscope.exports.hospital.resources import SPECIMENS
from marrowscope.exports.provenance import NOTICE
from marrowscope.imaging.files.decode import decode
from marrowscope.imaging.files.formats import JPEG, recognise
from marrowscope.imaging.names import shown

UTF_8 = "ISO_IR 192"
_SEXES = {Sex.FEMALE: "F", Sex.MALE: "M", Sex.NOT_STATED: ""}
_LONGEST = 64  # of VR LO


def image_header(patient: PatientReading, image: ImageCells, report: CohortReport) -> Dataset:
    """Return a field as an image without pixels: patient, study, series, size.

    Its UIDs follow from the run and the image's digest, so that annotations made now refer to images made
    later.
    """
    details, provenance, field = patient.details, report.provenance, image.field
    run = (shown(patient.patient), provenance.started)
    date, clock = _moment(provenance.started)
    dataset = Dataset()
    dataset.SpecificCharacterSet = UTF_8
    dataset.SOPClassUID = VLMicroscopicImageStorage
    dataset.SOPInstanceUID = uid_of("image", *run, shown(field.name), field.sha256)
    dataset.StudyDate, dataset.StudyTime = date, clock
    dataset.ContentDate, dataset.ContentTime = date, clock
    dataset.AcquisitionDateTime = (details.collected or provenance.started[:10]).replace("-", "")
    dataset.AccessionNumber = details.order_number[:16]
    dataset.Modality = "GM"
    dataset.PatientOrientation = ""  # a smear has none
    dataset.Manufacturer = MANUFACTURER
    dataset.ReferringPhysicianName = person_name(details.requester)
    dataset.PatientName = ""
    dataset.PatientID = shown(patient.patient)[:_LONGEST]
    if report.laboratory.systems.authority:
        dataset.IssuerOfPatientID = report.laboratory.systems.authority[:_LONGEST]
    dataset.PatientBirthDate = ""
    dataset.PatientSex = _SEXES[details.sex]
    dataset.StudyInstanceUID = uid_of("study", *run)
    dataset.SeriesInstanceUID = uid_of("images", *run)
    dataset.StudyID = ""
    dataset.SeriesNumber = 1
    dataset.InstanceNumber = patient.fields.index(field) + 1
    dataset.FrameOfReferenceUID = uid_of("frame", *run, shown(field.name))
    dataset.ImageComments = f"{shown(field.name)}. {NOTICE}"
    dataset.SamplesPerPixel = 3
    dataset.PhotometricInterpretation = "RGB"
    dataset.PlanarConfiguration = 0
    dataset.Rows, dataset.Columns = field.height, field.width
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = 8, 8, 7
    dataset.PixelRepresentation = 0
    dataset.ImageType = ["ORIGINAL", "PRIMARY"]
    dataset.LossyImageCompression = "00"
    if field.mpp is not None:
        dataset.PixelSpacing = [f"{field.mpp / 1000:.8f}"[:16]] * 2
    _add_specimen(dataset, patient, report)
    return dataset


def write_images(report: CohortReport, analysed: Path, folder: Path) -> int:
    """Write every field as `PATIENT/FIELD.dcm`, lossless, and return how many there are.

    Parameters
    ----------
    analysed : what was analysed

    Raises
    ------
    InputError
        An image is not there, or is another one than was analysed.
    OSError
        The folder cannot be written to.
    """
    patients = {patient.patient: patient for patient in report.patients}
    written = 0
    for image, content in contents(report, analysed):
        pixels = decode(content).pixels
        dataset = image_header(patients[image.patient], image, report)
        if recognise(content) is JPEG:
            dataset.LossyImageCompression = "01"
            dataset.LossyImageCompressionRatio = f"{pixels.nbytes / len(content):.2f}"
            dataset.LossyImageCompressionMethod = "ISO_10918_1"
        _save(dataset, pixels, folder / f"{image.path}.dcm")
        written += 1
    return written


def _save(dataset: Dataset, pixels: npt.NDArray[np.uint8], path: Path) -> None:
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.PixelData = pixels.tobytes()
    dataset.compress(JPEGLSLossless, generate_instance_uid=False)
    path.parent.mkdir(parents=True, exist_ok=True)
    dataset.save_as(path, enforce_file_format=True)


def _add_specimen(dataset: Dataset, patient: PatientReading, report: CohortReport) -> None:
    """State what lies on the slide; words where no code is known for certain."""
    run = (shown(patient.patient), report.provenance.started)
    details = patient.details
    dataset.ContainerIdentifier = (details.order_number or shown(patient.patient))[:_LONGEST]
    dataset.IssuerOfTheContainerIdentifierSequence = []
    kind = Dataset()
    kind.CodeValue, kind.CodingSchemeDesignator = codes.SCT.MicroscopeSlide.value, "SCT"
    kind.CodeMeaning = codes.SCT.MicroscopeSlide.meaning
    dataset.ContainerTypeCodeSequence = [kind]
    specimen = Dataset()
    specimen.SpecimenIdentifier = dataset.ContainerIdentifier
    specimen.IssuerOfTheSpecimenIdentifierSequence = []
    specimen.SpecimenUID = uid_of("specimen", *run)
    specimen.SpecimenShortDescription = SPECIMENS.get(details.specimen, "Smear")
    specimen.SpecimenPreparationSequence = []
    dataset.SpecimenDescriptionSequence = [specimen]
    dataset.AcquisitionContextSequence = []


def _moment(iso: str) -> tuple[str, str]:
    """Return the date and the time of an instant as DICOM writes them."""
    day, _, clock = iso.partition("T")
    return day.replace("-", ""), clock[:8].replace(":", "")
