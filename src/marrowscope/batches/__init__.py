"""Batches: many patients, each read whole by one worker, on as many machines as there are."""
