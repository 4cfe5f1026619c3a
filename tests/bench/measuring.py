"""Rounds of the load generator, and what they come to."""

import contextlib
import json
import os
import statistics
import subprocess
from contextlib import contextmanager
from pathlib import Path

from softirqs import SoftirqTime

RELEASE = Path(os.environ.get("WS_RELEASE", "build/release")).resolve()
ALL_CPUS = os.sched_getaffinity(0)
CPUS = sorted(ALL_CPUS)
SERVER_CPUS, LOAD_CPUS = ({CPUS[0]}, set(CPUS[1:2])) if len(CPUS) > 1 else (ALL_CPUS, ALL_CPUS)
ROUNDS = int(os.environ.get("WS_BENCH_ROUNDS", "6"))
TIME = ("--duration", os.environ.get("WS_BENCH_MS", "1000"))
OURS = "mod_ws"
# Rounds that are so far apart, of their median, make a number that says little.
NOISY = 0.3
# In seconds, for what a run does besides: its sessions, its warm-up, and its end.
PATIENCE = 120
softirqs = SoftirqTime(CPUS)


@contextmanager
def on_cpus(cpus):
    """What is started meanwhile runs there."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cpus)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


@contextmanager
def talking_to(command, cpus):
    """A process that reads lines and writes some, until its input ends; then it has to succeed."""
    with on_cpus(cpus):
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                   text=True)
    with process:
        try:
            yield process
            with contextlib.suppress(BrokenPipeError):
                process.stdin.close()
            process.wait(PATIENCE)
        finally:
            process.kill()  # unless it has ended
    if process.returncode != 0:
        raise RuntimeError(f"{command[0]} has failed, status {process.returncode}")


@contextmanager
def echo_backend(cpus=LOAD_CPUS):
    """What relays lead to, a loop of recv(2) and send(2): its port and process."""
    with talking_to([RELEASE / "echo_backend"], cpus) as backend:
        yield int(backend.stdout.readline()), backend.pid


def command(mode, peer, options):
    tls = "--tls" in options
    path = peer.deflate_path if "--deflate" in options else peer.path
    return [RELEASE / "ws_load", mode, "--port", str(peer.tls_port if tls else peer.port),
            "--path", path, "--publish-path", peer.publish_path, "--server", str(peer.pid),
            *options]


def load(mode, peer, *options, cpus=LOAD_CPUS):
    """What one run of ws_load measured."""
    with on_cpus(cpus), softirqs.counted():
        run = subprocess.run(command(mode, peer, options), capture_output=True, text=True,
                             timeout=int(TIME[1]) / 1000 + PATIENCE)
    if run.returncode != 0:
        raise RuntimeError(f"{peer.name}: {run.stderr}")
    return json.loads(run.stdout)


@contextmanager
def held_sessions(peer, count):
    """Idle sessions that have echoed once."""
    with talking_to(command("hold", peer, ["--connections", str(count)]), LOAD_CPUS) as holder:
        if not holder.stdout.readline():
            raise RuntimeError(f"{peer.name}: {count} sessions cannot be held")
        yield


def in_turn(rounds, peers, measure):
    """A B C, A C B, C A B, ...: what measure(peer) gave in each round, by the peers' names. Every
    second round goes the other way, so that none always runs behind the same one. One that fails is
    told, and left out of these rounds; but not mod_ws."""
    results = {peer.name: [] for peer in peers}
    for number in range(rounds):
        first = number % len(peers)
        in_order = peers[first:] + peers[:first]
        for peer in in_order if number % 2 == 0 else reversed(in_order):
            if peer.name not in results:
                continue
            try:
                results[peer.name].append(measure(peer))
            except (RuntimeError, subprocess.TimeoutExpired) as failure:
                if peer.name == OURS:
                    raise
                del results[peer.name]
                print(f"**Left out:** {peer.name}, which has failed: {failure}\n", flush=True)
    return results


class Measured:
    """One number of several rounds."""

    def __init__(self, values):
        self.values = list(values)
        self.median = statistics.median(self.values)
        self.least, self.most = min(self.values), max(self.values)

    def is_noisy(self):
        return self.median > 0 and (self.most - self.least) / self.median > NOISY

    def text(self, digits):
        noisy = ", noisy" if self.is_noisy() else ""
        return (f"{self.median:,.{digits}f} ({self.least:,.{digits}f} to {self.most:,.{digits}f})"
                + noisy)


def measured(rounds, key):
    return Measured(result[key] for result in rounds)


def medians(rounds, *keys):
    return [f"{measured(rounds, key).median:,.0f}" for key in keys]


def ratio(results, key, ours, others, best=min):
    """Ours to the best of the others that there are, round by round."""
    theirs = [results[name] for name in others if name in results]
    if not theirs:
        raise RuntimeError(f"none of these can be compared with: {', '.join(others)}")
    return Measured(mine[key] / best(other[key] for other in rounds)
                    for mine, *rounds in zip(results[ours], *theirs))


def verdict(found, target, is_met=lambda value, target: value <= target, digits=2):
    """The median decides, and the range says how surely."""
    sure = is_met(found.least, target) == is_met(found.most, target)
    word = "met" if is_met(found.median, target) else "missed"
    return (f"{found.median:,.{digits}f} ({found.least:,.{digits}f} to {found.most:,.{digits}f}), "
            f"target {target:g}: {word}" + ("" if sure else ", not surely"))
