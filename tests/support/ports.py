"""Ports for servers that must be told one in their configuration."""

import random
import socket

# Below the range from which the kernel takes the ports of outgoing connections.
CANDIDATES = range(20000, 32000)


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
