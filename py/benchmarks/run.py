"""Measures the Python package beside slixmpp, in turns and in one run, over the loopback interface.

Prints the median of the rounds, and ratios: those are what counts, since both clients had the same machine. Wants
`openssl` for the certificate. How: see `server.py` and `client.py`, each a process of its own.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).parent
ROUNDS = int(os.environ.get("ROUNDS", "5"))
STANZAS, LOGINS, SESSIONS = 51_200, 1_000, 1_000
IMPORTS = 20


def certificate(folder: Path) -> tuple[str, str]:
    """Make one for `localhost`, and its key."""
    paths = str(folder / "certificate.pem"), str(folder / "key.pem")
    command = (
        "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=localhost"
    )
    # It is trusted itself, and as one that may sign others it could not be a server's.
    extensions = [
        "-addext",
        "subjectAltName=DNS:localhost,DNS:bench.example",
        "-addext",
        "basicConstraints=critical,CA:FALSE",
    ]
    out = ["-out", paths[0], "-keyout", paths[1]]
    subprocess.run([*command.split(), *extensions, *out], check=True, capture_output=True)
    return paths


def measure(client: str, measurement: str, port: str, count: int, *more: str) -> dict[str, float]:
    """Have one client measure one thing."""
    command = [sys.executable, str(HERE / "client.py"), client, measurement, port, str(count), *more]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, timeout=300)
    measured: dict[str, float] = json.loads(done.stdout)
    return measured


def compare(measurement: str, ports: dict[str, str], count: int, *more: str) -> dict[str, dict[str, float]]:
    """Measure both clients in turns, and return the medians."""
    rounds = [
        {name: measure(name, measurement, port, count, *more) for name, port in ports.items()}
        for _ in range(ROUNDS)
    ]
    return {
        name: {key: statistics.median(measured[name][key] for measured in rounds) for key in rounds[0][name]}
        for name in ports
    }


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
        for _ in range(IMPORTS)
    ]
    return min(float(done.stdout) for done in runs) * 1000


def imports(folder: str) -> None:
    """Print what an import takes, part by part."""
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
    print("\n| imports | ms of CPU |\n|---|---:|")
    row("Python itself", python)
    row("`import jitsimeet`, beyond Python", package - python)
    row("`import jitsimeet.sync`, beyond Python", blocking - python)
    row("`import asyncio`, beyond Python", loop - python)
    row("`from jitsimeet import JitsiConnection`, beyond Python", ours - python)
    row("`from jitsimeet import JitsiConnection`, beyond asyncio", ours - loop)
    row("`from slixmpp import ClientXMPP`, beyond asyncio", theirs - loop)


def main() -> None:
    """Measure everything, and print it as Markdown."""
    with tempfile.TemporaryDirectory() as folder:
        trusted, key = certificate(Path(folder))
        with subprocess.Popen(
            [sys.executable, str(HERE / "server.py"), trusted, key],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        ) as server:
            assert server.stdout is not None
            tcp, tcp_tls, web, web_tls = server.stdout.readline().split()
            plain = {"jitsimeet": web, "slixmpp": tcp}
            secure = {"jitsimeet": web_tls, "slixmpp": tcp_tls}
            load = os.getloadavg()[0]
            python = f"Python {sys.version.split()[0]}, {os.cpu_count()} cores"
            print(f"{python}, load at the start {load:.1f}, {ROUNDS} rounds\n")
            print("| | jitsimeet | slixmpp | ratio |\n|---|---:|---:|---:|")
            stanzas = compare("stanzas", plain, STANZAS)
            for key_of, label in (("seconds", "second"), ("cpu", "second of CPU")):
                ours, theirs = (STANZAS / stanzas[name][key_of] for name in plain)
                row(f"stanzas to a callback that reads the sender, a {label}", ours, theirs, ours / theirs)
            for label, more, ports in (("", [], plain), (", TLS", [trusted], secure)):
                logins = compare("logins", ports, LOGINS, *more)
                for key_of, unit in (("seconds", "s"), ("cpu", "s of CPU")):
                    ours, theirs = (logins[name][key_of] for name in ports)
                    row(f"{LOGINS} logins at once{label}, {unit}", ours, theirs, ours / theirs)
            for label, more, ports in (("", [], plain), (", TLS", [trusted], secure)):
                sessions = compare("sessions", ports, SESSIONS, *more)
                ours, theirs = (sessions[name]["bytes"] / 1000 for name in ports)
                row(f"memory of an idle session{label}, KB", ours, theirs, ours / theirs)
            assert server.stdin is not None
            server.stdin.close()
        imports(folder)


def row(label: str, *values: float) -> None:
    """Print a row of a table."""
    cells = (f"{value:.3g}" if value < 100 else f"{value:.0f}" for value in values)
    print(f"| {label} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
