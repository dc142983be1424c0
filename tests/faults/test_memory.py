"""A server that is never told that a session is over, and then called for long: its memory stays what it is.

`FAULTS_SESSIONS` and `FAULTS_CALLS` say how many; by default enough that a slope would show. `FAULTS_PROFILE=release` runs the programs
that are built for release, which larger numbers want.
"""

import os
import subprocess

import pytest

from languages import SERVERS, rust
from test_http_servers import Served

# The sessions that a server keeps by default.
KEPT = 10_000

# As many again, so that a server that keeps them all is twice as large.
SESSIONS = int(os.environ.get("FAULTS_SESSIONS", 2 * KEPT))
CALLS = int(os.environ.get("FAULTS_CALLS", 20_000))

# What the sessions that are kept may take, each.
MAX_SESSION = 10 << 10

# What the second half of the calls, and the sessions past those that are kept, may add. A call that left a hundred bytes behind would take a
# megabyte for ten thousand, and so would sessions at a tenth of their size.
MAX_SLOPE = 1 << 20


def resident(pid):
    """The memory that a process has now, in bytes."""
    with open(f"/proc/{pid}/status") as file:
        return next(int(line.split()[1]) * 1024 for line in file if line.startswith("VmRSS:"))


def under_load(server, *parts):
    """What the server takes after each part, and the rest of what is said of it. The load rests meanwhile."""
    command = [rust("faults-load"), str(server.port), *parts]
    after = []
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as load:
        for part in parts:
            count, what, *ids = load.stdout.readline().split()
            after.append((resident(server.process.pid), ids))
            print(f"after {count} {what}: {after[-1][0] >> 10} KiB")
            load.stdin.write("\n")
            load.stdin.flush()
    assert load.returncode == 0
    return after


def status_of_ping(server, session):
    ping = {"jsonrpc": "2.0", "id": 1, "method": "ping"}
    headers = {"MCP_Protocol_Version": "2025-11-25", "Mcp_Method": None, "Mcp_Name": None}
    return server.request(ping, Mcp_Session_Id=session, **headers)[0]


@pytest.mark.timeout(900)
@pytest.mark.parametrize("language", ["rust"])
def test_memory_is_flat(language):
    server = Served(SERVERS[language])
    try:
        # What is made once is made.
        ((start, _), _) = under_load(server, "calls=1000", "sessions=100")
        sessions = [f"sessions={KEPT}", f"sessions={SESSIONS - KEPT}"]
        calls = 2 * [f"calls={CALLS // 2}"]
        (kept, (first, _)), (more, (_, last)), (half, _), (whole, _) = under_load(server, *sessions, *calls)
        assert kept - start <= KEPT * MAX_SESSION
        assert more - kept <= MAX_SLOPE
        assert whole - half <= MAX_SLOPE
        # Gone is whatever was unused for longest, and the rest is there.
        assert (status_of_ping(server, first), status_of_ping(server, last)) == (404, 200)
    finally:
        server.end()
