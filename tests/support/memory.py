"""How far the memory of processes grows meanwhile: the kernel's high water mark; and what they have been promised."""

from contextlib import contextmanager
from pathlib import Path

FORGET_PEAK = "5"  # proc(5): clear_refs


def status_bytes(pid, name):
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1]) * 1024
    raise AssertionError(f"no {name} of process {pid}")


def promised_bytes(pids):
    """What they may write to: memory that has been taken counts, though nothing is in it yet."""
    return sum(status_bytes(pid, "VmData") for pid in pids)


@contextmanager
def growth_of(pids):
    """Gives a function: by how many bytes the peak was above what there was."""
    before = 0
    for pid in pids:
        Path(f"/proc/{pid}/clear_refs").write_text(FORGET_PEAK)
        before += status_bytes(pid, "VmRSS")
    yield lambda: sum(status_bytes(pid, "VmHWM") for pid in pids) - before
