"""Keeping what a program prints out of the protocol on its standard output."""

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TextIO


class Aside:
    """Sends what Python prints to stderr, from now until `end`.

    The core has moved the stream itself aside; this is for what Python buffers above it. Text from before the
    server began would otherwise come out when the process ends, after the stream is back in its place.
    """

    __slots__ = ("_stdout",)

    def __init__(self) -> None:
        self._stdout: TextIO | None = sys.stdout
        if hasattr(self._stdout, "reconfigure"):
            # Flushes, and keeps whoever holds on to this stream (a logging handler) from buffering more.
            self._stdout.reconfigure(line_buffering=True)
        if sys.stderr is not None:
            sys.stdout = sys.stderr

    def end(self) -> None:
        """Puts Python's stdout back, unless somebody else replaced it meanwhile. Ending again does nothing."""
        stdout, self._stdout = self._stdout, None
        if stdout is not None and sys.stdout is sys.stderr:
            sys.stdout = stdout
