#!/usr/bin/env python3
"""Connects from C, Python and Node and prints one table of how that went.

To the embedded server, or to the deployment that SERVICE_URL and DOMAIN name; CA_CERTIFICATES may name a PEM
file of the authorities to trust. Run it by `make demo`, which builds what it needs.
"""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SERVER = ROOT / "target/release/jitsimeet-testserver"
PROGRAMS: Mapping[str, list[str]] = {
    "C": [str(ROOT / "target/examples/connect")],
    "Python": [str(ROOT / ".venv/bin/python"), str(ROOT / "py/examples/connect.py")],
    "Node": [os.environ.get("NODE", "node"), str(ROOT / "node/examples/connect.mjs")],
}
VARIABLES = ("SERVICE_URL", "DOMAIN", "CA_CERTIFICATES")
HEADER = ("Language", "JID", "ms to established", "phases")
# Seconds. The programs have deadlines of their own for each step; together those are shorter.
PROGRAM_TIMEOUT = 60
SERVER_TIMEOUT = 10


class DemoError(Exception):
    """The demo cannot be run."""


@dataclass
class Outcome:
    """What became of one program: the cells of its row, and what went wrong, if anything did."""

    cells: tuple[str, ...]
    problem: str = ""


@contextmanager
def deployment() -> Iterator[dict[str, str]]:
    """The variables that tell a program where to connect, valid for as long as the context lasts."""
    given = {key: os.environ[key] for key in VARIABLES if os.environ.get(key)}
    if {"SERVICE_URL", "DOMAIN"} <= given.keys():
        yield given
        return
    if given:
        raise DemoError("give both SERVICE_URL and DOMAIN, or neither for the embedded server")
    command = [str(SERVER), "--port", "0"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as server:
        assert server.stdin is not None
        assert server.stdout is not None
        try:
            ready, _, _ = select.select([server.stdout], [], [], SERVER_TIMEOUT)
            line = server.stdout.readline() if ready else b""
            if not line:
                raise DemoError("the embedded server did not start")
            told = json.loads(line)
            yield {"SERVICE_URL": told["serviceUrl"], "DOMAIN": told["domain"]}
        finally:
            # The end of its input is what ends it.
            server.stdin.close()
            try:
                server.wait(SERVER_TIMEOUT)
            except subprocess.TimeoutExpired:
                server.kill()


def run(command: list[str], where: dict[str, str]) -> Outcome:
    """Runs one program, which connects, disconnects, and says in its exit status whether all was in order."""
    inherited = {key: value for key, value in os.environ.items() if key not in VARIABLES}
    try:
        done = subprocess.run(
            command,
            env=inherited | where,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=PROGRAM_TIMEOUT,
            check=False,
        )
    except OSError as error:
        return Outcome(("failed",), f"cannot be run: {error}")
    except subprocess.TimeoutExpired as error:
        written = error.stderr.decode(errors="replace") if isinstance(error.stderr, bytes) else ""
        return Outcome(("failed",), f"did not end within {PROGRAM_TIMEOUT} s\n{written}")
    if done.returncode != 0:
        return Outcome(("failed",), f"ended with status {done.returncode}\n{done.stderr}")
    cells = tuple(done.stdout.rstrip("\n").split("\t"))
    if len(cells) != len(HEADER) - 1 or not all(cells):
        return Outcome(("failed",), f"printed {done.stdout!r} instead of JID, time and phases\n{done.stderr}")
    return Outcome(cells)


def table(rows: list[tuple[str, ...]]) -> str:
    """Aligns columns; rows may be short."""
    count = max(len(row) for row in rows)
    widths = [max(len(row[column]) for row in rows if column < len(row)) for column in range(count)]
    lines = ("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=False)) for row in rows)
    return "\n".join(line.rstrip() for line in lines)


def main() -> int:
    """Returns the exit status: 0 only if every language connected and disconnected in order."""
    try:
        with deployment() as where:
            print(f"\nConnecting to {where['SERVICE_URL']} (domain {where['DOMAIN']})\n", flush=True)
            outcomes = {language: run(command, where) for language, command in PROGRAMS.items()}
    except (DemoError, OSError) as error:
        print(f"make demo: {error}", file=sys.stderr)
        return 1
    rows = [(language, *outcome.cells) for language, outcome in outcomes.items()]
    print(table([HEADER, *rows]), flush=True)
    failures = {language: outcome.problem for language, outcome in outcomes.items() if outcome.problem}
    for language, problem in failures.items():
        print(f"\n{language}: {problem.rstrip()}", file=sys.stderr)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
