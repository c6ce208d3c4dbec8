"""What a laboratory states of a case: specimen, request, morphology, and its reference ranges."""
