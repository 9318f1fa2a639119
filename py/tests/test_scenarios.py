"""The scenarios of tests/scenarios, played by both kinds of connection on every server."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from conftest import ROOT

PLAYER = os.environ.get("JITSIMEET_SCENARIOS", str(ROOT / "target" / "release" / "jitsimeet-scenarios"))


@pytest.mark.parametrize("place", ["embedded", "prosody", "ejabberd"])
@pytest.mark.parametrize("player", ["asyncio", "sync"])
def test_every_scenario(player: str, place: str, capfd: pytest.CaptureFixture[str]) -> None:
    program = Path(__file__).parent / "players" / f"{player}_player.py"
    done = subprocess.run(
        [PLAYER, "--place", place, "--", sys.executable, str(program)],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    passed_over = place != "embedded" and not os.environ.get("CI") and "not installed" in done.stderr
    if passed_over:
        pytest.skip(f"{place} is not installed")
    summary = re.search(rf"^{place}: (\d+) of (\d+) scenarios played$", done.stdout, re.MULTILINE)
    assert summary is not None, done.stdout + done.stderr
    assert summary[1] == summary[2] != "0"
    with capfd.disabled():
        print(f"\n{player}: {summary[0]}")
