"""Rates: a bucket that empties and refills; passwords are hashed as strongly as they should be."""

import pytest
from argon2 import PasswordHasher, extract_parameters
from argon2.profiles import RFC_9106_LOW_MEMORY

from marrowscope.errors import InputError
from marrowscope.service.accounts.passwords import hash_password
from marrowscope.service.errors import BusyError
from marrowscope.service.limits import RateLimit


def test_a_bucket_empties_and_refills_for_each_key_alone() -> None:
    at = [0.0]
    limit = RateLimit(per_minute=6, clock=lambda: at[0])
    for _ in range(6):
        limit.take("one")
    with pytest.raises(BusyError) as caught:
        limit.take("one")
    assert caught.value.retry_after_s == 10
    limit.take("other")
    at[0] = 10.0
    limit.take("one")
    with pytest.raises(BusyError):
        limit.take("one")


def test_keys_seen_long_ago_are_forgotten() -> None:
    at = [0.0]
    limit = RateLimit(per_minute=60, clock=lambda: at[0])
    for key in range(10_001):
        limit.take(str(key))
    at[0] = 61.0
    limit.take("last")
    assert len(limit._buckets) == 1


def test_the_library_s_parameters_are_the_standard_s() -> None:
    assert extract_parameters(PasswordHasher().hash("x" * 12)) == RFC_9106_LOW_MEMORY


@pytest.mark.parametrize("password", ["", "short", "x" * 1001])
def test_passwords_of_unusable_length_are_refused(password: str) -> None:
    with pytest.raises(InputError, match="10 to 1000"):
        hash_password(password)
