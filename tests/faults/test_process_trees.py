"""A wrapper starts a server, which starts a grandchild: all of them go with the client, whatever becomes of it."""

import os
import signal
import subprocess

import pytest

from languages import FAULTS, HOSTS
from processes import GUARD, await_end, await_idle

FAMILY = str(FAULTS / "peers" / "family.sh")

# Trees in each test, over several processes of the host.
HOST_PROCESSES, TREES_PER_HOST = 4, 25


class Host:
    """A process that has connected to servers, and the ids of all processes that came of it."""

    def __init__(self, program, how, manners, tmp_path, number):
        self.pid_file = tmp_path / f"pids{number}"
        command = [*program, how, str(TREES_PER_HOST), FAMILY, manners, str(self.pid_file)]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def await_connected(self):
        assert self.process.stdout.readline() == "connected\n"

    def end(self, status):
        """Lets it end, and gives back the ids of its servers and what they started."""
        self.process.stdin.close()
        assert self.process.wait(GUARD) == status
        self.process.stdout.close()
        return self.pids()

    def pids(self):
        pids = [int(pid) for pid in self.pid_file.read_text().split()]
        assert len(pids) == 3 * TREES_PER_HOST, pids
        return pids


@pytest.fixture(params=HOSTS)
def hosts(request, tmp_path):
    started = []

    def start(how, manners):
        for number in range(HOST_PROCESSES):
            started.append(Host(HOSTS[request.param], how, manners, tmp_path, number))
        for host in started:
            host.await_connected()
        return started

    start.started = started
    yield start
    for host in started:
        host.process.kill()
        host.process.wait()


@pytest.mark.parametrize("how", ["close", "return", "exit"])
def test_trees_go_with_their_client(hosts, how):
    for host in hosts(how, "good"):
        await_end(host.end(0))


@pytest.mark.parametrize("manners", ["good", "bad"])
def test_trees_go_when_a_client_is_dropped_by_a_host_that_lives_on(hosts, manners):
    for host in hosts("drop", manners):
        await_end(host.pids())
        assert host.process.poll() is None
        await_end(host.end(0))


@pytest.mark.parametrize("how", ["close", "return", "exit"])
def test_servers_without_manners_go_with_their_client(hosts, how):
    for host in hosts(how, "bad"):
        await_end(host.end(0))


@pytest.mark.parametrize("manners", ["good", "bad"])
def test_trees_go_when_their_host_is_killed(hosts, manners):
    for host in hosts("hold", manners):
        host.process.kill()
        await_end(host.end(-9))


def test_a_host_whose_servers_are_gone_is_idle(hosts):
    for host in hosts("hold", "good"):
        for pid in host.pids():
            os.kill(pid, signal.SIGKILL)
    # A loop over an input that has ended would take all the time there is.
    for host in hosts.started:
        await_idle(host.process.pid)
        host.process.kill()
        await_end(host.end(-9))
