"""Reports for the systems of a hospital: FHIR, HL7 v2, DICOM."""
