"""Processes, by their ids: whether they are gone, and what memory they take."""

import os
import time

# Seconds after which something is taken never to come.
GUARD = 60


# What is too large by any measure, the pieces it is sent in, and the bytes that a process may take for it at most.
GIGABYTE = 1 << 30
PIECE = b"x" * (1 << 20)
MAX_GROWTH = 64 << 20


def peak(pid):
    """The most memory that a process had so far, in bytes."""
    with open(f"/proc/{pid}/status") as file:
        return next(int(line.split()[1]) * 1024 for line in file if line.startswith("VmHWM:"))


def cpu_time(pid):
    """The time that a process has computed so far, in seconds."""
    with open(f"/proc/{pid}/stat") as file:
        fields = file.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def sleeps(pid):
    """Whether all threads of a process wait for something."""
    threads = f"/proc/{pid}/task"
    return all(state(f"{threads}/{thread}") == "S" for thread in os.listdir(threads))


def state(process):
    """The letter of what a process or thread does, by its folder."""
    with open(f"{process}/stat") as file:
        return file.read().rsplit(")", 1)[1].split()[0]


def alive(pid):
    try:
        return state(f"/proc/{pid}") != "Z"
    except OSError:
        return False


def await_end(pids):
    """Waits until all of them are gone. Nothing that a peer does ends them in time: they would sleep for ten minutes."""
    left, until = list(pids), time.monotonic() + GUARD
    while left := [pid for pid in left if alive(pid)]:
        assert time.monotonic() < until, f"processes are left: {left}"
        time.sleep(0.02)


def await_idle(pid):
    """Waits until a process does nothing: in fifty looks on end all of its threads sleep, and its clock stands still."""
    until, looks, clock = time.monotonic() + GUARD, 0, None
    while looks < 50:
        assert time.monotonic() < until, "it is never idle"
        now = cpu_time(pid)
        looks = looks + 1 if now == clock and sleeps(pid) else 0
        clock = now
        time.sleep(0.01)
