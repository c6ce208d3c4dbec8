"""The laboratory that reports."""

from dataclasses import dataclass, field

from marrowscope.domain.case.ranges import ReferenceRange


@dataclass(frozen=True)
class Systems:
    """Whose numbers a report gives, and between which systems HL7 v2 messages go.

    Attributes
    ----------
    patient, order : addresses (URI) of the systems of patients' and orders' numbers, for FHIR
    authority : who assigns patients' numbers, for HL7 v2 (PID-3) and DICOM
    application, facility : the sender of messages; the laboratory's name stands for an empty facility
    receiving_application, receiving_facility : their receiver
    """

    patient: str = "urn:marrowscope:patient"
    order: str = "urn:marrowscope:order"
    authority: str = ""
    application: str = "MARROWSCOPE"
    facility: str = ""
    receiving_application: str = ""
    receiving_facility: str = ""


@dataclass(frozen=True)
class Laboratory:
    """Whose report it is, and what it compares counts with.

    Attributes
    ----------
    name : printed at the head of a report
    address : lines below the name
    ranges : reference ranges
    systems : of identifiers and messages
    """

    name: str = ""
    address: tuple[str, ...] = ()
    ranges: tuple[ReferenceRange, ...] = ()
    systems: Systems = field(default_factory=Systems)


NO_LABORATORY = Laboratory()
"""None is stated, and a count is compared with nothing."""
