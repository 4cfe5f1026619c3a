"""mod_ws and the servers that people use instead, on the same work in the same run.

usage: compare.py [SECTION...]   relays, handlers, publish, memory, upgrades, pages; or all of them

Prints tables in Markdown. For messages, servers run on one CPU, the load and the backend of relays
on another one; handshakes and pages, which httpd answers on many threads, may have both. CPU time
is that of all the server's processes, for one message; medians of rounds in turn, with the least
and the most. Ratios are taken round by round: that of mod_ws to what its target names, and to the
same with buffers as large as those of mod_ws.
"""

import os
import platform
import signal
import subprocess
import sys
import traceback
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from measuring import (  # noqa: E402
    ALL_CPUS, OURS, PATIENCE, RELEASE, ROUNDS, SERVER_CPUS, TIME, echo_backend, held_sessions,
    in_turn, load, measured, medians, ratio, softirqs, verdict)
from peer_process import allow_open_files  # noqa: E402
from peer_programs import first_line_of, mod_ws_version  # noqa: E402
from peers import HANDLERS, LARGE, RELAYS, Peer, handler_peer, relay_peer  # noqa: E402
from publishing import publish  # noqa: E402
from support.certificate import certificate  # noqa: E402
from support.httpd import server_root  # noqa: E402
from system_calls import calls_a_message  # noqa: E402
from tables import print_versions, running, table  # noqa: E402

IDLE_SESSIONS = 5_000
MANY_SESSIONS = 18_000
RELAYED_BYTES = 800
PROXIES = ("nginx", "haproxy")
LATENCIES = ("p50_us", "p99_us", "p999_us")


@dataclass(frozen=True)
class Work:
    name: str
    options: tuple
    target: float  # mod_ws takes at most so much of the CPU time of the best it is judged by


RELAY_WORK = (
    Work("32 B, 1 in flight", ("--size", "32"), 0.95),
    Work("1 KiB, 8 in flight", ("--size", "1024", "--in-flight", "8"), 0.65),
    Work("16 KiB, 1 in flight", ("--size", "16384"), 0.5),
    Work("64 KiB, 1 in flight", ("--size", "65536"), 0.4),
    Work("1 KiB over TLS", ("--size", "1024", "--tls"), 0.9),
    Work("64 KiB over TLS", ("--size", "65536", "--tls"), 0.9),
)
HANDLER_WORK = (
    Work("32 B, 1 in flight", ("--size", "32"), 0.55),
    Work("32 B, 8 in flight", ("--size", "32", "--in-flight", "8"), 0.15),
    Work("64 KiB, 1 in flight", ("--size", "65536"), 0.25),
    Work("1 KiB of JSON, deflated", ("--size", "1024", "--json", "--deflate"), 0.5),
)


def can(peer, work):
    return (("--tls" not in work.options or peer.tls_port)
            and ("--deflate" not in work.options or peer.deflate_path))


def compare(works, peers, judges):
    """Prints it, and returns what each server did of the first work."""
    rows = [("work", "server", "CPU us/message", "its CPU", "messages/s", "MB/s", "p50 us",
             "p99 us", "p99.9 us")]
    verdicts = [("work", "mod_ws to " + " and ".join(judges), "the same" + LARGE)]
    first = None
    for work in works:
        able = [peer for peer in peers if can(peer, work)]
        results = in_turn(ROUNDS, able, lambda peer: load("echo", peer, *work.options, *TIME))
        rows += [measured_row(work, name, rounds) for name, rounds in results.items()]
        verdicts.append((work.name, *verdicts_on(work, results, judges)))
        first = first or results
    table(*verdicts)
    table(*rows)
    return first


def compare_calls(works, peers):
    """Where a message's time goes is told by what it asks of the kernel."""
    names = [peer.name for peer in peers]
    rows = [(work.name, *(calls_text(peer, work) for peer in peers)) for work in works]
    print("System calls for a message, by strace in rounds of their own:\n")
    table(("work", *names), *rows)


def measured_row(work, name, rounds):
    return (work.name, name, measured(rounds, "cpu_us").text(2),
            f"{measured(rounds, 'server_cores').median:.0%}",
            measured(rounds, "per_second").text(0),
            *medians(rounds, "mb_per_second", *LATENCIES))


def verdicts_on(work, results, judges):
    if not set(judges) & set(results):
        return "nobody to compare with", ""
    found = verdict(ratio(results, "cpu_us", "mod_ws", judges), work.target)
    large = [name + LARGE for name in judges if name + LARGE in results]
    beside = ratio(results, "cpu_us", "mod_ws", large).text(2) if large else ""
    return found, beside


def calls_text(peer, work):
    try:
        return f"{calls_a_message('echo', peer, (*work.options, *TIME)):.2f}"
    except RuntimeError as failure:
        return f"not counted: {failure}"


def relays():
    print("### Relays: CPU time for an echo through them, 50 connections\n")
    names = (*RELAYS, *(name + LARGE for name in PROXIES))
    with server_root() as root, echo_backend() as (backend, pid), \
            running(*(relay_peer(name, backend, root) for name in names)) as peers:
        print_versions(peers)
        results = compare(RELAY_WORK, peers, PROXIES)
        usual = [peer for peer in peers if peer.name in RELAYS]
        compare_calls(RELAY_WORK[:2], usual)
        compare_at_rate([*usual, Peer("(no relay)", "", pid, backend)], results)


def compare_at_rate(peers, closed):
    """At half the rate of the slowest."""
    slowest = min(measured(rounds, "per_second").median for rounds in closed.values())
    rate = int(slowest / 2 // 1000) * 1000 or 1000
    print(f"The same 32 B at {rate:,} messages a second for each server, half of what the slowest "
          "can do: latency from the time at which each message was due, so that whoever waits "
          "behind a slow one counts as well.\n")
    options = ("--size", "32", "--rate", str(rate), *TIME)
    results = in_turn(ROUNDS, peers, lambda peer: load("echo", peer, *options))
    rows = [("server", "messages/s", "CPU us/message", "p50 us", "p99 us", "p99.9 us")]
    rows += [(name, measured(rounds, "per_second").text(0), measured(rounds, "cpu_us").text(2),
              *(measured(rounds, key).text(0) for key in LATENCIES))
             for name, rounds in results.items()]
    table(*rows)


def handlers():
    print("### Handlers: CPU time for an echo, 50 connections\n")
    names = (*HANDLERS, "gorilla" + LARGE)
    with server_root() as root, echo_backend(SERVER_CPUS) as (port, pid), \
            running(*(handler_peer(name, root) for name in names)) as peers:
        print_versions(peers)
        # Reads, unmasks and sends, and checks nothing: what a server can hardly go below.
        bare = Peer("(unchecked echo)", "", pid, port)
        compare(HANDLER_WORK, [*peers, bare], ("gorilla",))
        compare_calls(HANDLER_WORK[:2],
                      [*(peer for peer in peers if peer.name in (OURS, "gorilla")), bare])


def memory():
    print("### Memory: bytes of the server's processes for an idle session, "
          f"of {IDLE_SESSIONS:,} that have echoed once\n")
    relaying = ("mod_ws", *PROXIES)
    handling = ("mod_ws", "gorilla", "libwebsockets")
    with server_root() as root, echo_backend() as (backend, _):
        plain, over_tls = ([growth(relay_peer, name, backend, root, options=options)
                            for name in relaying] for options in ((), ("--tls",)))
        handled = [growth(handler_peer, name, root) for name in handling]
    of_openssl = openssl_bytes_a_session()
    table(("session", "mod_ws"),
          ("relayed", verdict(plain[0], RELAYED_BYTES, digits=0)),
          (f"relayed over TLS, where OpenSSL needs {of_openssl:,}",
           verdict(over_tls[0], of_openssl + RELAYED_BYTES, digits=0)),
          ("of a handler", verdict(handled[0], 400, digits=0)))
    rows = (("relayed", *plain, "", ""), ("relayed over TLS", *over_tls, "", ""),
            ("of a handler", handled[0], "", "", *handled[1:]))
    table(("session", *relaying, *handling[1:]),
          *((what, *(found.text(0) if found else "" for found in row)) for what, *row in rows))


def openssl_bytes_a_session():
    run = subprocess.run([RELEASE / "tls_memory", *certificate()], capture_output=True, text=True,
                         check=True, timeout=PATIENCE)
    return int(run.stdout)


def growth(start, *arguments, options=()):
    """A server of its own for each round: memory that has once been taken is not given back."""
    rounds = []
    for _ in range(3):
        with running(start(*arguments)) as peers:
            rounds += [load("idle", peer, "--connections", str(IDLE_SESSIONS), *options)
                       for peer in peers]
    return measured(rounds, "bytes_a_session") if rounds else None


def upgrades():
    print("### Opening handshakes through relays, 8 at a time, each on connections of its own; "
          "as many workers as CPUs\n")
    with server_root() as root, echo_backend(ALL_CPUS) as (backend, _):
        starts = (relay_peer(name, backend, root, workers=len(ALL_CPUS)) for name in RELAYS)
        with running(*starts, cpus=ALL_CPUS) as peers:
            print_versions(peers)
            results = in_turn(ROUNDS, peers, load_with_handshakes)
    rows = [("server", "handshakes/s", "CPU us", "p50 us", "p99 us")]
    rows += [(name, measured(rounds, "per_second").text(0), measured(rounds, "cpu_us").text(0),
              *medians(rounds, "p50_us", "p99_us")) for name, rounds in results.items()]
    rate = verdict(ratio(results, "per_second", "mod_ws", ("nginx",), max), 1.0,
                   lambda value, target: value >= target)
    cpu_time = ratio(results, "cpu_us", "mod_ws", ("nginx",)).text(2)
    print(f"mod_ws to nginx: rate {rate}; CPU time {cpu_time}.\n")
    table(*rows)


def load_with_handshakes(peer):
    return load("upgrade", peer, "--connections", "8", *TIME, cpus=ALL_CPUS)


def pages():
    print(f"### Pages from 25 threads, 10 connections, beside {MANY_SESSIONS:,} idle sessions of "
          "the same server\n")
    many = f"{MANY_SESSIONS:,}"
    with server_root() as root, \
            running(handler_peer("mod_ws", root), handler_peer("mod_ws", root),
                    cpus=ALL_CPUS) as (alone, busy), \
            held_sessions(busy, MANY_SESSIONS):
        results = in_turn(ROUNDS, [Beside("0", alone), Beside(many, busy)],
                          lambda beside: beside.load())
    rows = [("sessions", "requests/s", "p50 us", "p99 us")]
    rows += [(count, *(measured(rounds, key).text(0) for key in ("per_second", "p50_us", "p99_us")))
             for count, rounds in results.items()]
    print("p99 beside them to p99 without: "
          f"{verdict(ratio(results, 'p99_us', many, ('0',)), 1.2)}.\n")
    table(*rows)


@dataclass(frozen=True)
class Beside:
    """A server by the number of its sessions."""

    name: str
    peer: Peer

    def load(self):
        return load("http", self.peer, "--path", "/page", "--connections", "10", *TIME,
                    cpus=ALL_CPUS)


def print_machine():
    cpus = Path("/proc/cpuinfo").read_text()
    model = next((line.split(":")[1].strip() for line in cpus.splitlines()
                  if line.startswith("model name")), "")
    congestion = Path("/proc/sys/net/ipv4/tcp_congestion_control").read_text().strip()
    print(f"{os.cpu_count()} CPUs ({model}), Linux {platform.release()}, TCP {congestion}, "
          f"loopback; {first_line_of('c++', '--version')}; {first_line_of('openssl', 'version')}; "
          f"mod_ws {mod_ws_version()}; {ROUNDS} rounds in turn.\n")


SECTIONS = {section.__name__: section
            for section in (relays, handlers, publish, memory, upgrades, pages)}


def end(number, _):
    """The servers end with their contexts."""
    sys.exit(f"ended by {signal.Signals(number).name}")


def succeeds(section):
    """One that cannot be measured is told, and the others are, whatever has happened to it."""
    try:
        section()
        return True
    except Exception as failure:
        traceback.print_exc()
        print(f"**Not measured:** {failure!r}\n", flush=True)
        return False


def main():
    wanted = sys.argv[1:] or list(SECTIONS)
    if unknown := set(wanted) - set(SECTIONS):
        sys.exit(f"no such section: {', '.join(sorted(unknown))}\n\n{__doc__}")
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) == signal.SIG_DFL:  # else it is ignored, as by nohup(1)
            signal.signal(number, end)
    allow_open_files()
    print_machine()
    failed = [name for name in wanted if not succeeds(SECTIONS[name])]
    print(softirqs.text())
    if failed:
        sys.exit(f"these could not be measured: {', '.join(failed)}")


main()
