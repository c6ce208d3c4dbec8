"""Inference: bundles and the two networks."""
