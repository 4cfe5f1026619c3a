"""Waiting on conditions: every wait has a deadline, and WS_TEST_PATIENCE scales all of them."""

import os
import time

POLL_SECONDS = 0.01


def patience(seconds):
    """The time to allow for what usually takes far less than `seconds`."""
    return seconds * float(os.environ.get("WS_TEST_PATIENCE", "1"))


def wait_until(condition, what, timeout=10):
    """The first true value of condition(); fails when there is none in time. `what` names the
    condition, or is a function that does, called at the end."""
    deadline = time.monotonic() + patience(timeout)
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            text = what() if callable(what) else what
            raise AssertionError(f"not within {patience(timeout):g} s: {text}")
        time.sleep(POLL_SECONDS)
