"""Facts about text, as an MCP server. usage: python server.py [--port N]"""

import sys
from pathlib import Path
from typing import TypedDict

from oxmcp import Context, Server, ToolError

server = Server("text-facts", version="0.1.0")


class Counts(TypedDict):
    lines: int
    words: int
    characters: int


@server.tool
def count_words(text: str) -> Counts:
    """Counts the lines, words and characters of a text."""
    lines = text.count("\n") + (not text.endswith("\n") and text != "")
    return {"lines": lines, "words": len(text.split()), "characters": len(text)}


@server.tool
def find_text(folder: str, text: str, ctx: Context) -> str:
    """Tells which lines of the files in a folder hold a text."""
    try:
        files = sorted(path for path in Path(folder).iterdir() if path.is_file())
    except OSError as error:
        raise ToolError(f"cannot read the folder {folder}: {error.strerror}") from error
    hits = []
    for done, file in enumerate(files, 1):
        if ctx.cancelled:
            break
        lines = file.read_text(errors="replace").split("\n")
        hits += [f"{file.name}:{at}: {line}" for at, line in enumerate(lines, 1) if text in line]
        ctx.report_progress(done, len(files), file.name)
    return "\n".join(hits)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--port"]:
        server.run("http", port=int(sys.argv[2]))
    else:
        server.run()
