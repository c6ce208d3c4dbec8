"""Inference: model bundles, the detector and the classifier."""
