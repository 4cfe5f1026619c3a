"""Cases that are a script: what is sent, and what must come back."""

from conformance.case import END, Case, close, frame_event
from conformance.client import Await, Script, Settle
from support.frames import close_frame


def is_close(event):
    return event.startswith("close")


def play(target, steps, path="/echo", ends_inside_frame=False, sends_close=False,
         describe=frame_event, headers=None, early=b"", goes_on_after_close=False):
    with target.client() as client:
        client.open(path, headers=headers, extra=early)
        return Script(client, settled(steps, target), sends_close, ends_inside_frame,
                      goes_on_after_close).play(describe)


def settled(steps, target):
    """Without a relay, what stands on both sides of a Settle is sent in one write."""
    result = []
    joins = False
    for step in steps:
        if isinstance(step, Settle):
            joins = target.name == "echo"
            result += [] if joins else [Await(step.events)]
        elif joins:
            result[-1] += step
            joins = False
        else:
            result.append(step)
    return result


def script(name, does, steps, expected, targets=("echo", "relay"), **options):
    """A case with the steps of a Script. Unless a Close is among what is expected, the session must
    survive them: it is closed then, so that anything else that came would be seen."""
    sends_close = options.pop("sends_close", False)
    steps, expected = list(steps), list(expected)
    if not any(map(is_close, expected)):
        steps.append(close_frame(1000))
        expected += [close(1000), END]
        sends_close = True
    return Case(name, does, expected,
                lambda target: play(target, steps, sends_close=sends_close, **options), targets)


def chopped(data, size):
    """The same bytes, so many in each write."""
    return [data] if size is None else [data[i:i + size] for i in range(0, len(data), size)]


def chopped_at_the_ends(data, size=200):
    """Byte by byte at the beginning and at the end, and the rest in one write."""
    if len(data) <= 2 * size:
        return chopped(data, 1)
    return [*chopped(data[:size], 1), data[size:-size], *chopped(data[-size:], 1)]
