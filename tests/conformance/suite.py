"""All cases, and how one is run."""

import time
from typing import NamedTuple

from conformance.families import (closing, compression, compression_messages, compression_offers,
                                  fragmentation, framing, handshake, header_grammar, limits,
                                  opcodes, pings, reserved, utf8)

FAMILIES = (framing, pings, reserved, opcodes, fragmentation, utf8, closing, limits, handshake,
            header_grammar, compression_offers, compression, compression_messages)


class Result(NamedTuple):
    expected: list
    got: list
    seconds: float

    @property
    def passed(self):
        return self.got == self.expected


def cases():
    found = [case for family in FAMILIES for case in family.cases()]
    ids = [case.id for case in found]
    assert len(set(ids)) == len(ids), {name for name in ids if ids.count(name) > 1}
    return found


def run(case, target):
    started = time.monotonic()
    try:
        got = case.run(target)
    except (AssertionError, OSError) as error:
        got = [f"{type(error).__name__}: {error}"]
    return Result(case.expected, got, time.monotonic() - started)
