"""What a laboratory states of a case: specimen, request, morphology, reference ranges; megakaryocytes."""
