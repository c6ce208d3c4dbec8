"""Images of one field are found among many, however many there are."""

import time

import numpy as np

from marrowscope.imaging.repeats.fields import NO_SKETCH, Sketch, likeness, same_fields, sketch


def spots(seed: int) -> Sketch:
    rough = np.random.default_rng(seed).integers(0, 255, (24, 24, 3), np.uint8)
    return sketch(np.kron(rough, np.ones((10, 10, 1), np.uint8)))


def nearly(own: Sketch, share: float, seed: int) -> Sketch:
    mixed = (1 - share) * own + share * spots(seed)
    return np.asarray(mixed / np.linalg.norm(mixed), np.float32)


def one_by_one(sketches: list[Sketch], least: float) -> tuple[tuple[int, ...], ...]:
    groups: list[list[int]] = []
    for number, own in enumerate(sketches):
        alike = [group for group in groups if likeness(own, sketches[group[0]]) >= least]
        if alike:
            alike[0].append(number)
        else:
            groups.append([number])
    return tuple(map(tuple, groups))


def test_groups_are_those_of_comparing_each_with_each() -> None:
    firsts = [spots(seed) for seed in range(12)]
    copies = [nearly(firsts[i % 12], share, 100 + i) for i, share in enumerate(np.linspace(0, 0.6, 60))]
    sketches = [*firsts, NO_SKETCH, *copies, NO_SKETCH]
    for least in (0.75, 0.95):
        found = same_fields(sketches, least)
        assert found == one_by_one(sketches, least)
        assert 14 < len(found) < len(sketches)
    assert same_fields([]) == ()


def test_a_patient_with_as_many_images_as_are_allowed_is_settled_quickly() -> None:
    few = [spots(seed) for seed in range(400)]
    sketches = [np.roll(own, shift, axis=1) for own in few for shift in (0, 20, 40, 60, 80)]
    start = time.process_time()
    found = same_fields(sketches)
    assert len(found) == 2000
    assert time.process_time() - start < 2  # one by one it takes 8 s, and so it would for every file sent
