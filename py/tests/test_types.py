"""The types that are promised are those that there are."""

from __future__ import annotations

import subprocess
import sys

from conftest import ROOT


def test_the_stub_of_the_native_module_is_right() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "mypy.stubtest", "jitsimeet._native", "--mypy-config-file", "pyproject.toml"],
        cwd=ROOT / "py",
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
