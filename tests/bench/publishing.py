"""The section on publishing to many subscribers."""

from measuring import (
    ROUNDS, SERVER_CPUS, TIME, echo_backend, in_turn, load, measured, medians, ratio)
from peers import PUBLISHERS, Peer, publishing_peer
from support.httpd import server_root
from system_calls import calls_a_message
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
        rows += [row(window, peer, results[peer.name], calls_a_message("broadcast", peer, options))
                 for peer in peers if peer.name in results]
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
