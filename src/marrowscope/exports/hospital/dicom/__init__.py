"""Reports as DICOM (extra `dicom`): cells as annotations, figures as a report, fields as images."""
