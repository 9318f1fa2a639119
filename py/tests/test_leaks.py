"""Nothing is left behind by a connection; `make leaks` looks at 10,000 of them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path


def test_connecting_and_disconnecting_leaves_nothing_behind() -> None:
    program = Path(__file__).parent / "programs" / "leaks.py"
    done = subprocess.run([sys.executable, str(program), "1000"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
