"""Docstrings as descriptions."""

from __future__ import annotations


def dedent(text: str) -> str:
    """A docstring without its indentation and surrounding blank lines.

    >>> dedent("One.\\n\\n    Two.\\n      Three.\\n    ")
    'One.\\n\\nTwo.\\n  Three.'
    """
    first, *rest = text.expandtabs().strip().splitlines() or [""]
    margin = min((len(line) - len(line.lstrip()) for line in rest if line.strip()), default=0)
    return "\n".join([first.strip(), *(line[margin:].rstrip() for line in rest)])
