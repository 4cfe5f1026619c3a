"""How much of the CPUs' time the kernel's softirqs take: on loopback, what receives a packet."""

import time
from contextlib import contextmanager
from pathlib import Path

PROC = Path("/proc")
IDLE, IOWAIT, SOFTIRQ = 3, 4, 6  # of a CPU's numbers in /proc/stat; see proc(5)


class SoftirqTime:
    """Sums up what several spans of time saw, on some CPUs."""

    def __init__(self, cpus):
        self.names = {f"cpu{cpu}" for cpu in cpus}
        self.threads = [PROC / entry.name for entry in PROC.iterdir() if is_ksoftirqd(entry, cpus)]
        self.ticks = [0] * 8
        self.seconds = 0.0
        self.thread_seconds = 0.0

    @contextmanager
    def counted(self):
        """Meanwhile it counts."""
        ticks, threads, begin = self.all_ticks(), self.all_threads(), time.monotonic()
        yield
        self.seconds += (time.monotonic() - begin) * len(self.names)
        self.thread_seconds += self.all_threads() - threads
        self.ticks = [so_far + now - before for so_far, now, before
                      in zip(self.ticks, self.all_ticks(), ticks)]

    def all_ticks(self):
        lines = (line.split() for line in (PROC / "stat").read_text().splitlines())
        return [sum(numbers) for numbers in zip(*(map(int, words[1:9]) for words in lines
                                                  if words[0] in self.names))]

    def all_threads(self):
        return sum(int((thread / "schedstat").read_text().split()[0])
                   for thread in self.threads) / 1e9

    def text(self):
        busy = sum(self.ticks) - self.ticks[IDLE] - self.ticks[IOWAIT]
        return (f"Softirqs took {self.ticks[SOFTIRQ] / max(busy, 1):.1%} of the time in which the "
                "CPUs were busy during these runs (/proc/stat); on loopback mostly within send(2), "
                "for which the sender is charged. What is left over is run by the threads named "
                f"ksoftirqd, for which no server is charged; {self.text_of_threads()}.")

    def text_of_threads(self):
        if not self.threads:
            return "how long that took cannot be seen here"
        return f"that took {self.thread_seconds / max(self.seconds, 1):.2%} of all time"


def is_ksoftirqd(process, cpus):
    try:
        return (process / "comm").read_text().strip() in {f"ksoftirqd/{cpu}" for cpu in cpus}
    except OSError:
        return False
