"""mod_ws and the servers that people use instead, on the same work in the same run.

usage: compare.py [SECTION...]   relays, handlers, memory, upgrades, pages; all of them where none is named

Prints tables in Markdown. For messages, servers run on one CPU, the load and the backend of relays on another one; handshakes and
pages, which httpd answers on many threads, may have both. CPU time is that of all the server's processes, for one message; medians
of rounds in turn, and half the distance of the extremes. A ratio is that of mod_ws to what its target names.
"""

import contextlib
import io
import os
import platform
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from measuring import ALL_CPUS, SERVER_CPUS, Measured, echo_backend, held_sessions, in_turn, load, on_cpus  # noqa: E402
from peers import HANDLERS, RELAYS, Peer, handler_peer, relay_peer  # noqa: E402
from support.httpd import server_root  # noqa: E402

ROUNDS = int(os.environ.get("WS_BENCH_ROUNDS", "7"))
SECONDS = ["--duration", os.environ.get("WS_BENCH_MS", "1500")]
IDLE_SESSIONS = 5_000
MANY_SESSIONS = 18_000
PROXIES = ("nginx", "haproxy")


@dataclass(frozen=True)
class Work:
    name: str
    options: tuple
    target: float  # mod_ws takes at most so much of the CPU time of ...
    against: tuple  # ... the best of these

    def __str__(self):
        return self.name


RELAY_WORK = (
    Work("32 B, 1 in flight", ("--size", "32"), 0.95, PROXIES),
    Work("1 KiB, 8 in flight", ("--size", "1024", "--in-flight", "8"), 0.65, PROXIES),
    Work("16 KiB, 1 in flight", ("--size", "16384"), 0.5, PROXIES),
    Work("64 KiB, 1 in flight", ("--size", "65536"), 0.4, PROXIES),
    Work("1 KiB over TLS", ("--size", "1024", "--tls"), 0.9, PROXIES),
    Work("64 KiB over TLS", ("--size", "65536", "--tls"), 0.9, PROXIES),
)
HANDLER_WORK = (
    Work("32 B, 1 in flight", ("--size", "32"), 0.55, ("gorilla",)),
    Work("32 B, 8 in flight", ("--size", "32", "--in-flight", "8"), 0.15, ("gorilla",)),
    Work("64 KiB, 1 in flight", ("--size", "65536"), 0.25, ("gorilla",)),
    Work("1 KiB of JSON, deflated", ("--size", "1024", "--json", "--deflate"), 0.5, ("gorilla",)),
)


def table(*rows):
    head, *rest = [[str(cell) for cell in row] for row in rows]
    for row in (head, ["---"] * len(head), *rest):
        print("| " + " | ".join(row) + " |")
    print(flush=True)


@contextlib.contextmanager
def serving(*starts, cpus=SERVER_CPUS):
    """The peers that these start. What httpd logs is not shown."""
    with contextlib.redirect_stdout(io.StringIO()), contextlib.ExitStack() as stack:
        with on_cpus(cpus):
            peers = [stack.enter_context(start) for start in starts]
        with contextlib.redirect_stdout(sys.__stdout__):
            yield peers


def print_versions(peers):
    print("; ".join(f"{peer.name}: {peer.version}" for peer in peers) + ".\n")


def verdict(work, cpu):
    """How mod_ws stands to its target."""
    best = min(cpu[name].median for name in work.against)
    ratio = cpu["mod_ws"].median / best
    return f"{ratio:.2f} of {' and '.join(work.against)}'s best; target {work.target}" if len(work.against) > 1 else \
        f"{ratio:.2f} of {work.against[0]}'s; target {work.target}"


def compare(works, peers):
    rows = [("work", "server", "CPU us/message", "messages/s", "MB/s", "p50 us", "p99 us", "p99.9 us", "mod_ws")]
    for work in works:
        able = [peer for peer in peers if can(peer, work)]
        results = in_turn(ROUNDS, able, lambda peer: load("echo", peer, *work.options, *SECONDS))
        cpu = {name: Measured(rounds, "cpu_us") for name, rounds in results.items()}
        for name, rounds in results.items():
            others = [Measured(rounds, key) for key in ("per_second", "mb_per_second", "p50_us", "p99_us", "p999_us")]
            rows.append((work, name, cpu[name].text(2), *(f"{other.median:,.0f}" for other in others),
                         verdict(work, cpu) if name == "mod_ws" else ""))
    table(*rows)


def can(peer, work):
    return ("--tls" not in work.options or peer.tls_port) and ("--deflate" not in work.options or peer.deflate_path)


def relays():
    print("### Relays: CPU time for an echo through them, 50 connections\n")
    with server_root() as root, echo_backend() as (backend, _), \
            serving(*(relay_peer(name, backend, root) for name in RELAYS)) as peers:
        print_versions(peers)
        compare(RELAY_WORK, peers)


def handlers():
    print("### Handlers: CPU time for an echo, 50 connections\n")
    with server_root() as root, echo_backend(SERVER_CPUS) as (port, pid), \
            serving(*(handler_peer(name, root) for name in HANDLERS)) as peers:
        print_versions(peers)
        # What no server can go below that reads and writes each socket by itself.
        bare = Peer("(recv and send, no more)", "", pid, port)
        compare(HANDLER_WORK, [*peers, bare])


def memory():
    print(f"### Memory: bytes of the server's processes for an idle session, of {IDLE_SESSIONS:,} that have echoed once\n")
    rows = [("session", *RELAYS[:3], "gorilla", "libwebsockets")]
    with server_root() as root, echo_backend() as (backend, _):
        for tls in ((), ("--tls",)):
            found = [growth(relay_peer(name, backend, root), tls) for name in RELAYS[:3]]
            rows.append(("relayed" + (" over TLS" if tls else ", target 800 for mod_ws"), *found, "", ""))
        handled = [growth(handler_peer(name, root), ()) for name in ("mod_ws", "gorilla", "libwebsockets")]
        rows.append(("of a handler, target 400 for mod_ws", handled[0], "", "", *handled[1:]))
    table(*rows)


def growth(start, options):
    """A server of its own for each: memory that has once been taken is not given back."""
    with serving(start) as (peer,):
        return f"{load('idle', peer, '--connections', str(IDLE_SESSIONS), *options)['bytes_a_session']:,.0f}"


def upgrades():
    print("### Opening handshakes through relays, 8 at a time; each on connections of its own\n")
    rows = [("server", "handshakes/s", "CPU us", "p50 us", "p99 us", "mod_ws")]
    with server_root() as root, echo_backend(ALL_CPUS) as (backend, _), \
            serving(*(relay_peer(name, backend, root) for name in RELAYS), cpus=ALL_CPUS) as peers:
        results = in_turn(ROUNDS, peers, lambda peer: load("upgrade", peer, "--connections", "8", *SECONDS, cpus=ALL_CPUS))
    rate = {name: Measured(rounds, "per_second") for name, rounds in results.items()}
    for name, rounds in results.items():
        ratio = f"{rate[name].median / rate['nginx'].median:.2f} of nginx's; target 1.0" if name == "mod_ws" else ""
        rows.append((name, rate[name].text(0), *(f"{Measured(rounds, key).median:,.0f}"
                                                 for key in ("cpu_us", "p50_us", "p99_us")), ratio))
    table(*rows)


def pages():
    print(f"### Ordinary requests on 25 threads, 10 connections, beside {MANY_SESSIONS:,} idle sessions\n")
    rows = [("sessions", "requests/s", "p50 us", "p99 us", "mod_ws")]
    with server_root() as root, serving(handler_peer("mod_ws", root), handler_peer("mod_ws", root), cpus=ALL_CPUS) as (alone, busy), \
            held_sessions(busy, MANY_SESSIONS):
        results = [[load("http", peer, "--path", "/page", "--connections", "10", *SECONDS, cpus=ALL_CPUS) for peer in (alone, busy)]
                   for _ in range(ROUNDS)]
    p99 = [Measured(rounds, "p99_us") for rounds in zip(*results)]
    for count, rounds, quantile in zip((0, MANY_SESSIONS), zip(*results), p99):
        ratio = f"{quantile.median / p99[0].median:.2f} of the p99 without them; target 1.2" if count else ""
        rows.append((f"{count:,}", *(Measured(rounds, key).text(0) for key in ("per_second", "p50_us")), quantile.text(0), ratio))
    table(*rows)


def print_machine():
    model = next((line.split(":")[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name")), "")
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True).stdout.strip()
    with open("/proc/sys/net/ipv4/tcp_congestion_control") as congestion:
        print(f"{os.cpu_count()} CPUs ({model}), Linux {platform.release()}, TCP {congestion.read().strip()}, loopback; "
              f"mod_ws at {commit}; {ROUNDS} rounds in turn.\n")


SECTIONS = {section.__name__: section for section in (relays, handlers, memory, upgrades, pages)}


def main():
    wanted = sys.argv[1:] or list(SECTIONS)
    if unknown := set(wanted) - set(SECTIONS):
        sys.exit(f"no such section: {', '.join(sorted(unknown))}\n\n{__doc__}")
    print_machine()
    for name in wanted:
        SECTIONS[name]()


main()
