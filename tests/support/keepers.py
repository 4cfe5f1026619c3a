"""Keepers: what goes on with the sessions of a child that has ended."""

from support import processes

TITLE = b"ws-keeper"


def keepers_of(server):
    """Processes of this server that are no children of its parent's: each has its error log open."""
    log = str(server.config.error_log)
    found = []
    for entry in processes.PROC.iterdir():
        if not entry.name.isdigit():
            continue
        try:
            if not (entry / "cmdline").read_bytes().startswith(TITLE):
                continue
            if log in processes.open_fds(int(entry.name)).values():
                found.append(int(entry.name))
        except (FileNotFoundError, ProcessLookupError):
            continue
    return sorted(found)
