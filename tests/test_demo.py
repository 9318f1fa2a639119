"""`make demo`, from where everything is built."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
NOT_INSTALLED = 3
LANGUAGES = ["C", "Python", "Node"]
FIRST = ["Language", *LANGUAGES]


def demo(**variables: str) -> subprocess.CompletedProcess[str]:
    ours = ("SERVICE_URL", "DOMAIN", "CA_CERTIFICATES")
    inherited = {key: value for key, value in os.environ.items() if key not in ours}
    return subprocess.run(
        [sys.executable, str(ROOT / "tests/demo.py")],
        env=inherited | variables,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )


def rows(done: subprocess.CompletedProcess[str]) -> list[list[str]]:
    """The table, row by row and word by word."""
    return [words for line in done.stdout.splitlines() if (words := line.split()) and words[0] in FIRST]


@pytest.fixture
def prosody() -> Iterator[dict[str, str]]:
    """A real Prosody, as the starter describes it."""
    command = [str(ROOT / "target/release/jitsimeet-testprosody")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        if not line and process.wait() == NOT_INSTALLED and os.environ.get("CI") != "true":
            pytest.skip("Prosody is not installed")
        yield json.loads(line)


def test_connects_every_language_to_the_embedded_server() -> None:
    done = demo()
    assert done.returncode == 0, done.stderr
    header, *languages = rows(done)
    assert header[:2] == ["Language", "JID"]
    assert [row[0] for row in languages] == LANGUAGES
    for _, jid, milliseconds, *phases in languages:
        assert "@meet.example/" in jid
        assert float(milliseconds) > 0
        assert phases


@pytest.mark.parametrize("url", ["serviceUrl", "secureServiceUrl"])
def test_connects_every_language_to_a_deployment_that_is_named(
    prosody: dict[str, str], tmp_path: Path, url: str
) -> None:
    authority = tmp_path / "authority.pem"
    authority.write_text(prosody["caCertificate"])
    done = demo(SERVICE_URL=prosody[url], DOMAIN=prosody["domain"], CA_CERTIFICATES=str(authority))
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("@localhost/") == 3


def test_fails_and_says_why_if_nothing_connects() -> None:
    with socket.socket() as listener:
        # Bound, so that nobody else gets the port, but not listening.
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
        done = demo(SERVICE_URL=f"ws://127.0.0.1:{port}/", DOMAIN="meet.example")
    assert done.returncode == 1
    assert rows(done)[1:] == [[language, "failed"] for language in LANGUAGES]
    assert done.stderr.count("refused") >= 3, done.stderr


def test_a_service_url_needs_a_domain() -> None:
    done = demo(SERVICE_URL="ws://127.0.0.1:1/")
    assert done.returncode == 1
    assert "DOMAIN" in done.stderr
