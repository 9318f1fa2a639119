"""The examples are programs that work."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from conftest import ROOT, TEST_TIMEOUT, Server, make_token

EXAMPLES = ROOT / "py" / "examples"
NAMES = ("SERVICE_URL", "DOMAIN", "CA_CERTIFICATES")


def environment_of(server: Server, **more: str) -> dict[str, str]:
    return {"SERVICE_URL": server.about["serviceUrl"], "DOMAIN": server.about["domain"], **more}


def environment_with(given: dict[str, str]) -> dict[str, str]:
    return {**{name: value for name, value in os.environ.items() if name not in NAMES}, **given}


def run_example(name: str = "connect", **given: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(EXAMPLES / f"{name}.py")],
        capture_output=True,
        text=True,
        env=environment_with(given),
        timeout=TEST_TIMEOUT,
        check=False,
    )


@contextmanager
def running_example(name: str, **given: str) -> Iterator[Callable[[str], str]]:
    """Start an example that runs until Ctrl-C. Yields what waits for its next line that begins like this."""
    with subprocess.Popen(
        [sys.executable, str(EXAMPLES / f"{name}.py")],
        stdout=subprocess.PIPE,
        text=True,
        env=environment_with(given),
    ) as program:
        lines = program.stdout
        assert lines is not None

        def line(begin: str) -> str:
            for text in lines:
                if text.startswith(begin):
                    return text.rstrip("\n")
            pytest.fail(f"the example ended before it said {begin!r}")

        # What a test waits for comes, or the program is ended.
        deadline = threading.Timer(TEST_TIMEOUT, program.kill)
        deadline.start()
        try:
            yield line
            program.send_signal(signal.SIGINT)
            assert line("bye") == "bye"
            assert program.wait(TEST_TIMEOUT) == 0
        finally:
            deadline.cancel()
            program.kill()


def test_one_line_with_jid_duration_and_phases(server: Server) -> None:
    done = run_example(**environment_of(server))
    assert (done.returncode, done.stderr) == (0, "")
    number = r"\d+\.\d"
    phases = rf"dns {number} tcp {number} tls - upgrade {number} authenticated {number} bound {number}"
    assert re.fullmatch(rf"\S+@meet\.example/\S+\t{number}\t{phases}\n", done.stdout)


def test_certificates_from_a_file(tls_server: Server, tmp_path: Path) -> None:
    file = tmp_path / "ca.pem"
    file.write_text(tls_server.about["caCertificate"])
    done = run_example(**environment_of(tls_server, CA_CERTIFICATES=str(file)))
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("name", ["connect", "many", "script"])
@pytest.mark.parametrize(
    ("environment", "message"),
    [
        ({"SERVICE_URL": "ws://no-such-host.invalid/", "DOMAIN": "meet.example"}, "no-such-host.invalid"),
        ({"SERVICE_URL": "meet.example", "DOMAIN": "meet.example"}, "serviceUrl"),
        ({"SERVICE_URL": "ws://meet.example/"}, "DOMAIN"),
    ],
)
def test_a_failure_is_a_line_on_standard_error(name: str, environment: dict[str, str], message: str) -> None:
    done = run_example(name, **environment, COUNT="1")
    assert done.returncode == 1
    assert message in done.stderr
    assert "Traceback" not in done.stderr


def test_the_bot_stays_connected(server: Server) -> None:
    with running_example("bot", **environment_of(server)) as line:
        jid = line("connected as").split()[2]
        server.command("cut")
        line("interrupted")
        line("connection.resumed")
        line("connected as")
        body = "<body>x &lt; y</body>"
        message = f"<message xmlns='jabber:client' from='you@meet.example/1' to='{jid}' type='chat'>{body}</message>"
        server.command("deliver", jid=jid, stanza=message)
        assert line("you@") == "you@meet.example/1: x < y"
        server.command("restart")
        assert "(again)" in line("connected as")
    assert server.sessions() == []


def test_the_token_is_refreshed_before_it_expires(token_server: Server, tmp_path: Path) -> None:
    # The first expires at once, as far as the example is concerned; the others do not.
    tokens = tmp_path / "tokens"
    tokens.write_text("\n".join([make_token(expires_in=3), make_token(expires_in=3600)]))
    command = f"head -n 1 {tokens}; sed -i 1d {tokens}"
    with running_example("refresh_token", **environment_of(token_server, TOKEN_COMMAND=command)) as line:
        line("connected as")
        assert re.fullmatch(r"refreshed, good for 3[56]\d\d s", line("refreshed"))
    assert token_server.sessions() == []


def test_many_connections(server: Server) -> None:
    done = run_example("many", **environment_of(server))
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("500 of 500 connected in ")
    assert server.sessions() == []


def test_the_script(server: Server) -> None:
    done = run_example("script", **environment_of(server))
    assert (done.returncode, done.stderr) == (0, "")
    assert re.search(r"^identity server im", done.stdout, re.MULTILINE)
    assert done.stdout.endswith(" ms away\n")
