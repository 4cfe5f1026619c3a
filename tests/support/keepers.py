"""Keepers: what goes on with the sessions of a child that has ended."""

from support import processes
from support.waiting import wait_until

NAME = "ws-keeper"


def keepers_of(server):
    """Processes of this server that are no children of its parent's: each has its error log open."""
    log = str(server.config.error_log)
    found = []
    for entry in processes.PROC.iterdir():
        if not entry.name.isdigit() or processes.name_of(entry.name) != NAME:
            continue
        try:
            if log in processes.open_fds(int(entry.name)).values():
                found.append(int(entry.name))
        except (FileNotFoundError, ProcessLookupError):
            continue
    return sorted(found)


def wait_for_keepers(server, count=None):
    """So many, or some. What succeeds a child is known for a keeper a little after the child has gone."""
    def is_right(kept):
        return kept if count is None else len(kept) == count

    wait_until(lambda: is_right(keepers_of(server)),
               lambda: f"{'' if count is None else count} keepers, not {keepers_of(server)}\n{server.error_log()}")
    return keepers_of(server)
