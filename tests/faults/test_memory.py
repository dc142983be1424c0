"""A server that is never told that a session is over, and then called for long: its memory stays what it is.

`FAULTS_SESSIONS` and `FAULTS_CALLS` say how many; by default enough that a slope would show. `FAULTS_PROFILE=release` runs the programs
that are built for release, which larger numbers want.
"""

import os
import subprocess
from urllib.parse import urlsplit

import pytest

from languages import SERVERS, chosen, rust

# More than the 10,000 sessions that a server keeps by default.
SESSIONS = int(os.environ.get("FAULTS_SESSIONS", 15_000))
CALLS = int(os.environ.get("FAULTS_CALLS", 20_000))

# What the second half of the calls may add. A call that left a hundred bytes behind would take a megabyte for ten thousand.
MAX_SLOPE = 1 << 20

# What the sessions that are kept may take, each.
MAX_SESSION = 10 << 10


def resident(pid):
    """The memory that a process has now, in bytes."""
    with open(f"/proc/{pid}/status") as file:
        return next(int(line.split()[1]) * 1024 for line in file if line.startswith("VmRSS:"))


@pytest.mark.timeout(900)
@pytest.mark.parametrize("language", chosen(["rust"]))
def test_memory_is_flat(language):
    server = subprocess.Popen([*SERVERS[language], "--port", "0"], stdout=subprocess.PIPE, text=True)
    try:
        port = urlsplit(server.stdout.readline().strip()).port
        load = [rust("faults-load"), str(port)]
        # What is made once is made.
        subprocess.run([*load, "100", "1000"], check=True, stdout=subprocess.DEVNULL)
        start = resident(server.pid)
        at = []
        with subprocess.Popen([*load, str(SESSIONS), str(CALLS)], stdout=subprocess.PIPE, text=True) as loading:
            for line in loading.stdout:
                at.append(resident(server.pid))
                print(f"after {line.strip()}: {at[-1] >> 10} KiB, from {start >> 10} KiB")
        assert loading.returncode == 0
        sessions, half, whole = at
        assert sessions - start <= min(SESSIONS, 10_000) * MAX_SESSION
        assert whole - half <= MAX_SLOPE
    finally:
        server.kill()
        server.wait()
        server.stdout.close()
