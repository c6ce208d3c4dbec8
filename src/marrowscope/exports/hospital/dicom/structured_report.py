"""The figures of a report as an Enhanced SR by the template Measurement Report (PS3.16, TID 1500)."""

from collections.abc import Iterator, Sequence

from highdicom import UID
from highdicom.sr import (
    DeviceObserverIdentifyingAttributes,
    EnhancedSR,
    Measurement,
    MeasurementReport,
    MeasurementsAndQualitativeEvaluations,
    ObservationContext,
    ObserverContext,
    PersonObserverIdentifyingAttributes,
    QualitativeEvaluation,
    TrackingIdentifier,
)
from pydicom.dataset import Dataset
from pydicom.sr.codedict import codes
from pydicom.sr.coding import Code

from marrowscope.domain.patient import CohortReport, PatientReading
from marrowscope.exports.case.codes import OF_REPORTS
from marrowscope.exports.case.facts import signature_of, title_of
from marrowscope.exports.hospital.dicom.codes import (
    MANUFACTURER,
    code_of,
    local,
    person_name,
    uid_of,
    unit_of,
)
from marrowscope.exports.hospital.observed import LOINC_NAME, Observed, Part, identify_version, observed


def structured_report(
    patient: PatientReading, headers: Sequence[Dataset], report: CohortReport
) -> EnhancedSR:
    """Return a patient's report. A signed one is complete and verified by the signer, any other partial.

    Parameters
    ----------
    headers : images that cells were counted in, one or more
    """
    signature = signature_of(patient)
    version = identify_version(patient, report.provenance, "structured report")
    code = OF_REPORTS[patient.details.specimen].report
    title = title_of(patient)
    content = MeasurementReport(
        observation_context=_observers(patient, report),
        procedure_reported=Code(code, LOINC_NAME, title) if code else local("report", title),
        imaging_measurements=list(_groups(patient, report, version)),
        title=codes.DCM.ImagingMeasurementReport,
        referenced_images=list(headers),
    )
    return EnhancedSR(
        evidence=list(headers),
        content=content[0],
        series_instance_uid=uid_of("structured report", version),
        series_number=3,
        sop_instance_uid=uid_of("structured report", version, "instance"),
        instance_number=1,
        manufacturer=MANUFACTURER,
        is_complete=signature is not None,
        is_final=signature is not None,
        is_verified=signature is not None,
        institution_name=report.laboratory.name or None,
        verifying_observer_name=None if signature is None else person_name(signature.by),
        verifying_organization=None if signature is None else report.laboratory.name or "not stated",
    )


def _observers(patient: PatientReading, report: CohortReport) -> ObservationContext:
    signature, provenance = signature_of(patient), report.provenance
    device = ObserverContext(
        observer_type=codes.DCM.Device,
        observer_identifying_attributes=DeviceObserverIdentifyingAttributes(
            uid=uid_of("device", provenance.version, provenance.bundle_sha256),
            name=MANUFACTURER,
            manufacturer_name=MANUFACTURER,
            model_name=provenance.bundle,
            serial_number=provenance.bundle_sha256,
        ),
    )
    person = None
    if signature is not None:
        person = ObserverContext(
            observer_type=codes.DCM.Person,
            observer_identifying_attributes=PersonObserverIdentifyingAttributes(
                name=person_name(signature.by)
            ),
        )
    return ObservationContext(observer_person_context=person, observer_device_context=device)


def _groups(
    patient: PatientReading, report: CohortReport, version: str
) -> Iterator[MeasurementsAndQualitativeEvaluations]:
    for each in observed(patient, report.laboratory):
        figures: tuple[Observed | Part, ...] = (each, *each.parts)
        yield MeasurementsAndQualitativeEvaluations(
            tracking_identifier=TrackingIdentifier(uid_of("figure", version, each.key), each.text),
            measurements=[
                Measurement(name=code_of(figure), value=figure.value, unit=unit_of(figure.unit))
                for figure in figures
            ],
        )
    decision = patient.decision
    yield MeasurementsAndQualitativeEvaluations(
        tracking_identifier=TrackingIdentifier(
            UID(uid_of("figure", version, "decision")), f"Decision ({decision.rule.condition})"
        ),
        qualitative_evaluations=[
            QualitativeEvaluation(
                local("decision", "Decision"), local(decision.verdict.value, decision.words)
            )
        ],
    )
