"""Everything public is documented, and the API page shows it."""

from __future__ import annotations

import inspect
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

import jitsimeet
from conftest import ROOT
from jitsimeet import pytest_plugin, sync, testing

MODULES = [jitsimeet, sync, testing, pytest_plugin]
# The rest comes with the first.
PAGES = ["jitsimeet", "jitsimeet.testing", "jitsimeet.pytest_plugin"]


def public_names(module: ModuleType) -> Iterator[tuple[str, object]]:
    """Yield what a module promises, and what its classes do."""
    for name in getattr(module, "__all__", []):
        value = getattr(module, name)
        yield f"{module.__name__}.{name}", value
        if inspect.isclass(value):
            for member in dir(value):
                attribute = inspect.getattr_static(value, member)
                if not member.startswith("_") and (
                    inspect.isroutine(attribute) or isinstance(attribute, property)
                ):
                    yield f"{module.__name__}.{name}.{member}", getattr(value, member)


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.__name__)
def test_every_public_name_has_a_docstring(module: ModuleType) -> None:
    assert module.__doc__
    own = [
        (name, value)
        for name, value in public_names(module)
        if (inspect.isroutine(value) or inspect.isclass(value) or isinstance(value, property))
        and (getattr(value, "__module__", None) or "").startswith("jitsimeet")
    ]
    assert [name for name, value in own if not inspect.getdoc(value)] == []


def test_the_api_page_is_generated(tmp_path: Path) -> None:
    """As `make docs` does."""
    how = ["--docformat", "restructuredtext", "--template-directory", str(ROOT / "py" / "docs")]
    done = subprocess.run(
        [sys.executable, "-m", "pdoc", *how, "-o", str(tmp_path), *PAGES],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
    )
    assert (done.returncode, done.stderr) == (0, "")
    page = (tmp_path / "jitsimeet.html").read_text()
    assert [name for name in jitsimeet.__all__ if f'id="{name}"' not in page and name != "sync"] == []
    blocking = (tmp_path / "jitsimeet" / "sync.html").read_text()
    for name in (name for name in dir(sync.JitsiConnection) if not name.startswith("_")):
        assert f'id="JitsiConnection.{name}"' in page
        assert f'id="JitsiConnection.{name}"' in blocking
    assert "Return the last frames of the connection" in page
    assert 'id="TestServer.set_faults"' in (tmp_path / "jitsimeet" / "testing.html").read_text()
