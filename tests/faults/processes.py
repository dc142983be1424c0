"""Processes, by their ids, and whether they are gone."""

import time

# Seconds after which something is taken never to come.
GUARD = 60


def alive(pid):
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def await_end(pids):
    """Waits until all of them are gone. Nothing that a peer does ends them in time: they would sleep for ten minutes."""
    left, until = list(pids), time.monotonic() + GUARD
    while left := [pid for pid in left if alive(pid)]:
        assert time.monotonic() < until, f"processes are left: {left}"
        time.sleep(0.02)
