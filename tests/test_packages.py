"""The Python package, installed as users install it: by pip, into an environment that has nothing else."""

from __future__ import annotations

import os
import platform
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import demo
import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ROOT / "target/packages"
# Dependencies compile once, wherever the sources lie.
ENVIRONMENT = {**os.environ, "CARGO_TARGET_DIR": str(ROOT / "target")}
MAX_WHEEL_BYTES = 5_000_000
QUICK_START = re.compile(r"<!-- quick start: python -->\n+```python\n(.*?)```", re.DOTALL)


def run(*command: str | Path, **environment: str) -> str:
    done = subprocess.run(
        command,
        env=ENVIRONMENT | environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
    return done.stdout


def built(pattern: str) -> Path:
    """What `make wheel` has built."""
    (path,) = PACKAGES.glob(pattern)
    return path


def version() -> str:
    return built("*.tar.gz").name.removeprefix("jitsimeet-").removesuffix(".tar.gz")


@pytest.mark.parametrize(
    ("pattern", "options"),
    [
        # Nothing is to be downloaded: it needs no other package.
        pytest.param("*.whl", ["--no-index"], id="wheel"),
        # What it is unpacked and built in is outside the checkout.
        pytest.param("*.tar.gz", [], id="source distribution"),
    ],
)
def test_pip_installs_it_and_the_readme_is_right(pattern: str, options: list[str], tmp_path: Path) -> None:
    run(sys.executable, "-m", "venv", tmp_path / "venv")
    python = tmp_path / "venv/bin/python"
    run(python, "-m", "pip", "install", "--disable-pip-version-check", *options, built(pattern))
    assert run(python, "-m", "jitsimeet", "--version") == f"jitsimeet {version()}\n"
    block = QUICK_START.search((ROOT / "README.md").read_text())
    assert block is not None
    with demo.deployment() as where:
        program = block[1].replace("wss://meet.example.org/xmpp-websocket", where["SERVICE_URL"])
        assert program != block[1]
        said = run(python, "-W", "error", "-c", program.replace("meet.example.org", where["DOMAIN"]))
        assert re.fullmatch(r"connected as \S+@\S+/\S+\ndisconnected\n", said)
        assert demo.run([str(python), str(ROOT / "py/examples/connect.py")], where).problem == ""


def test_the_wheel_is_small_and_for_every_python_on_every_linux() -> None:
    wheel = built("*.whl")
    *name, platforms = wheel.stem.split("-")
    assert name == ["jitsimeet", version(), "cp310", "abi3"]
    # PEP 600: manylinux_2_17 is manylinux2014.
    assert set(platforms.split(".")) == {
        f"{kind}_{platform.machine()}" for kind in ("manylinux_2_17", "manylinux2014")
    }
    assert wheel.stat().st_size < MAX_WHEEL_BYTES


def test_the_wheel_says_what_it_is() -> None:
    with zipfile.ZipFile(built("*.whl")) as wheel:
        names = wheel.namelist()
        metadata = wheel.read(f"jitsimeet-{version()}.dist-info/METADATA").decode()
    assert "jitsimeet/py.typed" in names
    assert "jitsimeet/_native.pyi" in names
    assert f"jitsimeet-{version()}.dist-info/licenses/LICENSE" in names
    assert {name.split("/")[0] for name in names} == {"jitsimeet", f"jitsimeet-{version()}.dist-info"}
    assert not [name for name in names if "__pycache__" in name or name.endswith((".so.debug", ".dbg"))]
    for line in (
        "Name: jitsimeet",
        f"Version: {version()}",
        "License-Expression: Apache-2.0",
        "Requires-Python: >=3.10",
        "Classifier: Typing :: Typed",
    ):
        assert line in metadata.splitlines()
    assert "Requires-Dist" not in metadata
    assert "# jitsimeet" in metadata
