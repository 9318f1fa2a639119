"""Measures what an import takes, part by part and beside slixmpp: milliseconds of the processor, at best."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile

RUNS = 20


def import_time(statement: str, folder: str) -> float:
    """Return the milliseconds of the processor that a fresh interpreter takes to start and import, at best.

    With the bytecode in a cache, as in an installed package.
    """
    program = f"import time; {statement}; print(time.process_time())"
    environment = {**os.environ, "PYTHONPYCACHEPREFIX": folder}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    runs = [
        subprocess.run(
            [sys.executable, "-c", program], capture_output=True, text=True, check=True, env=environment
        )
        for _ in range(RUNS)
    ]
    return min(float(done.stdout) for done in runs) * 1000


def main() -> None:
    """Print what an import takes, as Markdown."""
    with tempfile.TemporaryDirectory() as folder:
        python, loop, package, blocking, ours, theirs = (
            import_time(statement, folder)
            for statement in (
                "pass",
                "import asyncio",
                "import jitsimeet",
                "import jitsimeet.sync",
                "from jitsimeet import JitsiConnection",
                "from slixmpp import ClientXMPP",
            )
        )
    print("| imports | ms of CPU |\n|---|---:|")
    for label, value in (
        ("Python itself", python),
        ("`import jitsimeet`, beyond Python", package - python),
        ("`import jitsimeet.sync`, beyond Python", blocking - python),
        ("`import asyncio`, beyond Python", loop - python),
        ("`from jitsimeet import JitsiConnection`, beyond Python", ours - python),
        ("`from jitsimeet import JitsiConnection`, beyond asyncio", ours - loop),
        ("`from slixmpp import ClientXMPP`, beyond asyncio", theirs - loop),
    ):
        print(f"| {label} | {value:.3g} |")


if __name__ == "__main__":
    main()
