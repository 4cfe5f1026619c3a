"""What descriptors a process has, to compare what it had before with what it has later."""

from collections import Counter

from support import processes
from support.waiting import wait_until

LOOKS = 10


def descriptors(pid):
    """{kind: count}. Without files: httpd has those of pages open for as long as somebody is served."""
    targets = processes.open_fds(pid).values()
    return Counter(target.partition(":")[0] for target in targets if not target.startswith("/"))


def descriptors_at_rest(pid):
    """When nothing is under way, so many times in a row: a thread may wait for a lock in the middle of something."""
    seen = []

    def is_settled():
        now = descriptors(pid)
        if not processes.is_at_rest(pid) or (seen and seen[-1] != now):
            seen.clear()
        seen.append(now)
        return len(seen) >= LOOKS
    wait_until(is_settled, "nothing is under way", 20)
    return seen[-1]


def wait_for_descriptors(pid, expected):
    wait_until(lambda: descriptors(pid) == expected, lambda: f"{expected}, not {descriptors(pid)}")
