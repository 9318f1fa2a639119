"""The Python package, installed as users install it: by pip, into an environment that has nothing else."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import demo
import pytest

ROOT = Path(__file__).resolve().parent.parent
# Dependencies compile once, wherever the sources lie.
ENVIRONMENT = {**os.environ, "CARGO_TARGET_DIR": str(ROOT / "target")}


def run(*command: str | Path) -> None:
    done = subprocess.run(
        command, env=ENVIRONMENT, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"


def source_distribution(folder: Path) -> Path:
    run(sys.executable, "-m", "maturin", "sdist", "--manifest-path", ROOT / "py/Cargo.toml", "--out", folder)
    (path,) = folder.glob("jitsimeet-*.tar.gz")
    return path


@pytest.mark.parametrize("source", ["checkout", "source distribution"])
def test_pip_installs_the_python_package_from_the(source: str, tmp_path: Path) -> None:
    package = ROOT / "py" if source == "checkout" else source_distribution(tmp_path)
    run(sys.executable, "-m", "venv", tmp_path / "venv")
    python = tmp_path / "venv/bin/python"
    run(python, "-m", "pip", "install", "--disable-pip-version-check", package)
    with demo.deployment() as where:
        outcome = demo.run([str(python), str(ROOT / "py/examples/connect.py")], where)
    assert outcome.problem == ""
