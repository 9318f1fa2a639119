"""What SECURITY.md says of the sources and of what they depend on."""

from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
# The ones that the C ABI needs, and the two whose macros write `unsafe` code.
WITHOUT_FORBID = {"ffi-c", "py", "node"}
# In several versions, since the crates that need them have not all moved to the newest.
DUPLICATES = {
    "block-buffer",
    "cpufeatures",
    "crypto-common",
    "digest",
    "getrandom",
    "rand",
    "rand_core",
    "syn",
    "synstructure",
    "toml",
    "toml_datetime",
    "windows-sys",
    "winnow",
}


def members() -> list[str]:
    manifest = (ROOT / "Cargo.toml").read_text()
    found = re.search(r"^members = \[(.*)\]$", manifest, re.MULTILINE)
    assert found is not None
    return re.findall(r'"([^"]+)"', found[1])


def test_unsafe_code_is_in_the_c_abi_alone() -> None:
    roots = {
        member: [path for name in ("lib.rs", "main.rs") if (path := ROOT / member / "src" / name).exists()]
        for member in members()
    }
    assert all(roots.values()), roots
    allowed = {
        member
        for member, paths in roots.items()
        if not all("#![forbid(unsafe_code)]" in path.read_text() for path in paths)
    }
    assert allowed == WITHOUT_FORBID
    for member in ("py", "node"):
        sources = list((ROOT / member / "src").rglob("*.rs"))
        assert sources != []
        code = [line for source in sources for line in source.read_text().splitlines()]
        assert [line for line in code if re.search(r"\bunsafe\b", line.split("//")[0])] == []


def test_each_unsafe_block_of_the_c_abi_must_give_its_reason() -> None:
    assert "#![deny(clippy::undocumented_unsafe_blocks)]" in (ROOT / "ffi-c/src/lib.rs").read_text()


def test_a_crate_is_there_once_unless_it_is_known_why_not() -> None:
    names = re.findall(r'^name = "(.+)"$', (ROOT / "Cargo.lock").read_text(), re.MULTILINE)
    assert {name for name, count in Counter(names).items() if count > 1} == DUPLICATES


def test_the_packages_need_no_other_at_run_time() -> None:
    package = json.loads((ROOT / "node/package.json").read_text())
    kinds = ("dependencies", "optionalDependencies", "peerDependencies", "bundleDependencies")
    assert [kind for kind in kinds if package.get(kind)] == []
    project = (ROOT / "py/pyproject.toml").read_text()
    assert re.search(r"^dependencies\b", project, re.MULTILINE) is None


def test_the_tests_that_security_md_names_are_there() -> None:
    text = (ROOT / "SECURITY.md").read_text()
    paths = re.findall(r"`((?:core|ffi-c|py|node|tests)/[\w./-]+)`", text)
    assert len(paths) > 10
    assert [path for path in paths if not (ROOT / path).exists()] == []
    for name in re.findall(r"`([a-z]+(?:_[a-z]+){3,})`", text):
        assert any(f"fn {name}(" in source.read_text() for source in (ROOT / "core").rglob("*.rs")), name
