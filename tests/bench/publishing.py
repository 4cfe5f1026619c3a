"""The section on publishing to many subscribers."""

import json

from measuring import (LOAD_CPUS, ROUNDS, SERVER_CPUS, TIME, command, echo_backend, in_turn, load,
                       measured, medians, ratio, talking_to)
from peers import PUBLISHERS, Peer, publishing_peer
from support.httpd import server_root
from system_calls import counted_calls
from tables import print_versions, running, table

SUBSCRIBERS = 10_000
PAYLOAD_BYTES = 100
WINDOWS = (1, 16)
PEERS = [name for name in PUBLISHERS if name != "mod_ws"]


def publish():
    print(f"### Publishing: {PAYLOAD_BYTES} B to {SUBSCRIBERS:,} subscribers\n\n"
          "So many at a time have been posted, and have not reached everybody, whether their POST "
          "has been answered or not.\n")
    with server_root() as root, echo_backend(SERVER_CPUS) as (port, pid), \
            running(*(publishing_peer(name, root) for name in PUBLISHERS)) as peers:
        print_versions(peers)
        # Sends to each what is posted, and checks nothing.
        bare = Peer("(one send a delivery)", "", pid, port, publish_path="/publish")
        compare([*peers, bare])


def compare(peers):
    ratios = [("work", "mod_ws, deliveries/s", "to the fastest peer", "CPU time, to the best peer")]
    rows = [("at a time", "server", "deliveries/s", "CPU us/delivery", "its CPU", "p50 us",
             "p99 us", "system calls/delivery")]
    for window in WINDOWS:
        options = ("--connections", str(SUBSCRIBERS), "--size", str(PAYLOAD_BYTES),
                   "--in-flight", str(window), *TIME)
        results = in_turn(ROUNDS, peers, lambda peer: load("broadcast", peer, *options))
        ratios.append((f"{window} published at a time", *ratios_of(results)))
        rows += [row(window, peer, results[peer.name], calls_per_delivery(peer, options))
                 for peer in peers]
    table(*ratios)
    table(*rows)


def row(window, peer, rounds, calls):
    return (window, peer.name, measured(rounds, "per_second").text(0),
            measured(rounds, "cpu_us").text(2),
            f"{measured(rounds, 'server_cores').median:.0%}",
            *medians(rounds, "p50_us", "p99_us"), f"{calls:.3f}")


def ratios_of(results):
    return (measured(results["mod_ws"], "per_second").text(0),
            ratio(results, "per_second", "mod_ws", PEERS, max).text(2),
            ratio(results, "cpu_us", "mod_ws", PEERS).text(2))


def calls_per_delivery(peer, options):
    """In a round of its own, between the last subscriber's coming and the first one's leaving."""
    with talking_to(command("broadcast", peer, (*options, "--wait")), LOAD_CPUS) as publisher:
        next_line(publisher, peer)
        with counted_calls(peer.pid) as calls:
            tell(publisher)
            deliveries = json.loads(next_line(publisher, peer))["count"]
            next_line(publisher, peer)
    return calls[0] / deliveries


def next_line(publisher, peer):
    line = publisher.stdout.readline()
    if not line:
        raise RuntimeError(f"{peer.name}: publishing under strace has failed")
    return line


def tell(publisher):
    publisher.stdin.write("\n")
    publisher.stdin.flush()
