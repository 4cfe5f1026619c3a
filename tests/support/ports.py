"""Ports for servers that must be told one in their configuration."""

import os
import random
import socket


def own_share(ports):
    """Of several processes that test at once, this one's."""
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    workers = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    return ports[worker::workers]


# Below the range from which the kernel takes the ports of outgoing connections.
CANDIDATES = own_share(range(20000, 32000))


def is_free(port):
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def free_ports(count):
    """`count` different ports of 127.0.0.1 on which nobody listens."""
    ports = []
    for port in random.sample(CANDIDATES, len(CANDIDATES)):
        if len(ports) == count:
            return ports
        if is_free(port):
            ports.append(port)
    raise AssertionError("there are no free ports")
