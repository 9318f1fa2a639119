"""The example is a program that works."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from conftest import ROOT, TEST_TIMEOUT, Server


def run_example(**environment: str) -> subprocess.CompletedProcess[str]:
    program = str(ROOT / "py" / "examples" / "connect.py")
    names = ("SERVICE_URL", "DOMAIN", "CA_CERTIFICATES")
    inherited = {name: value for name, value in os.environ.items() if name not in names}
    return subprocess.run(
        [sys.executable, program],
        capture_output=True,
        text=True,
        env={**inherited, **environment},
        timeout=TEST_TIMEOUT,
        check=False,
    )


def test_one_line_with_jid_duration_and_phases(server: Server) -> None:
    done = run_example(SERVICE_URL=server.about["serviceUrl"], DOMAIN=server.about["domain"])
    assert (done.returncode, done.stderr) == (0, "")
    number = r"\d+\.\d"
    phases = rf"dns {number} tcp {number} tls - upgrade {number} authenticated {number} bound {number}"
    assert re.fullmatch(rf"\S+@meet\.example/\S+\t{number}\t{phases}\n", done.stdout)


def test_certificates_from_a_file(tls_server: Server, tmp_path: Path) -> None:
    file = tmp_path / "ca.pem"
    file.write_text(tls_server.about["caCertificate"])
    environment = {"SERVICE_URL": tls_server.about["serviceUrl"], "DOMAIN": tls_server.about["domain"]}
    done = run_example(**environment, CA_CERTIFICATES=str(file))
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(
    ("environment", "message"),
    [
        ({"SERVICE_URL": "ws://no-such-host.invalid/", "DOMAIN": "meet.example"}, "no-such-host.invalid"),
        ({"SERVICE_URL": "meet.example", "DOMAIN": "meet.example"}, "serviceUrl"),
        ({"SERVICE_URL": "ws://meet.example/"}, "DOMAIN"),
    ],
)
def test_a_failure_is_a_line_on_standard_error(environment: dict[str, str], message: str) -> None:
    done = run_example(**environment)
    assert done.returncode == 1
    assert done.stdout == ""
    assert message in done.stderr
    assert "Traceback" not in done.stderr
