"""What the sections of the comparison have in common: running servers, and tables of Markdown."""

import contextlib

from measuring import SERVER_CPUS, on_cpus
from peer_check import check


def table(*rows):
    head, *rest = [[str(cell) for cell in row] for row in rows]
    for row in (head, ["---"] * len(head), *rest):
        print("| " + " | ".join(row) + " |")
    print(flush=True)


@contextlib.contextmanager
def running(*starts, cpus=SERVER_CPUS):
    """The peers that these start, and that do what they are measured for; others are told, and left
    out."""
    with contextlib.ExitStack() as stack:
        with on_cpus(cpus):
            peers = [peer for start in starts if (peer := started(stack, start))]
        if not peers:
            raise RuntimeError("there is no server to measure")
        yield peers


def started(stack, start):
    """None for one that does not work, in whatever way."""
    name = "a server that did not start"
    try:
        with contextlib.ExitStack() as own:
            peer = own.enter_context(start)
            name = peer.name
            check(peer)
            stack.push(own.pop_all())
            return peer
    except Exception as failure:
        print(f"**Left out:** {name}: {failure!r}\n", flush=True)
        return None


told = {"mod_ws"}  # with the machine


def print_versions(peers):
    """Of those that have not been told yet; with other buffers it is the same program."""
    versions = {peer.name.partition(",")[0]: peer.version for peer in peers}
    if new := [f"{name} {version}" for name, version in versions.items() if name not in told]:
        print("; ".join(new) + ".\n")
    told.update(versions)
