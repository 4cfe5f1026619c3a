"""What the sections of the comparison have in common: running servers, and tables of Markdown."""

import contextlib

from measuring import SERVER_CPUS, on_cpus


def table(*rows):
    head, *rest = [[str(cell) for cell in row] for row in rows]
    for row in (head, ["---"] * len(head), *rest):
        print("| " + " | ".join(row) + " |")
    print(flush=True)


@contextlib.contextmanager
def running(*starts, cpus=SERVER_CPUS):
    """The peers that these start."""
    with contextlib.ExitStack() as stack:
        with on_cpus(cpus):
            peers = [stack.enter_context(start) for start in starts]
        yield peers


told = {"mod_ws"}  # with the machine


def print_versions(peers):
    """Of those that have not been told yet; with other buffers it is the same program."""
    versions = {peer.name.partition(",")[0]: peer.version for peer in peers}
    if new := [f"{name} {version}" for name, version in versions.items() if name not in told]:
        print("; ".join(new) + ".\n")
    told.update(versions)
