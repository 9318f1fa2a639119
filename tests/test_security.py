"""What SECURITY.md says of the sources and of what they depend on."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

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

# What a crate that we ship may be under: each asks for no more than its text, or a notice, beside the binary.
LICENCES = {
    "Apache-2.0",
    "BSD-3-Clause",
    "CDLA-Permissive-2.0",  # the certificates of the authorities, which are data
    "ISC",
    "MIT",
    "Unicode-3.0",
    "Zlib",
}
# By crate, the licence that is taken beside these. MPL-2.0 asks for the source of the crate's own files where they are
# changed: we change none, and all of them are on crates.io. It covers no file of ours (section 3.3).
LICENCES_OF = {"jid": "MPL-2.0", "minidom": "MPL-2.0"}
# The same of what only builds or tests: nobody gets it from us.
LICENCES_OF_TOOLS = {"cbindgen": "MPL-2.0", "target-lexicon": "Apache-2.0 WITH LLVM-exception"}
SHIPPED = {"jitsimeet", "jitsimeet-c", "jitsimeet-py", "jitsimeet-node"}


@cache
def dependencies() -> dict[str, Any]:
    """All packages, and which needs which, for every target and with every feature that is on."""
    command = [os.environ.get("CARGO", "cargo"), "metadata", "--locked", "--format-version", "1"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300, check=True)
    told: dict[str, Any] = json.loads(done.stdout)
    return told


def linked() -> set[str]:
    """The ids of the packages that are part of what is shipped, macros included."""
    needs = {
        node["id"]: [
            need["pkg"] for need in node["deps"] if any(kind["kind"] is None for kind in need["dep_kinds"])
        ]
        for node in dependencies()["resolve"]["nodes"]
    }
    found: set[str] = set()
    waiting = [package["id"] for package in dependencies()["packages"] if package["name"] in SHIPPED]
    assert len(waiting) == len(SHIPPED)
    while waiting:
        package = waiting.pop()
        if package not in found:
            found.add(package)
            waiting += needs[package]
    return found


def satisfied(expression: str, allowed: set[str]) -> bool:
    """Whether an expression of SPDX is met by what is allowed. A slash is what OR was once written as."""

    def value(term: re.Match[str]) -> str:
        return term[0].lower() if term[0] in ("AND", "OR") else str(term[0] in allowed)

    terms = re.sub(r"[\w.+-]+(?: WITH [\w.+-]+)?", value, expression.replace("/", " OR "))
    assert re.fullmatch(r"(?:[ ()]|True|False|and|or)+", terms), expression
    # Here and there AND binds more tightly than OR.
    return bool(eval(terms))


def refused_licences(packages: Iterator[dict[str, Any]], exceptions: dict[str, str]) -> list[str]:
    """The packages that may not be had, and the exceptions that nobody needs."""
    refused = []
    unused = set(exceptions)
    for package in packages:
        name, licence = package["name"], package["license"] or "none"
        if satisfied(licence, LICENCES):
            continue
        if name in exceptions and satisfied(licence, {*LICENCES, exceptions[name]}):
            unused.discard(name)
            continue
        refused.append(f"{name}: {licence}")
    return refused + sorted(unused)


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


def test_each_unsafe_block_must_give_its_reason() -> None:
    workspace = (ROOT / "Cargo.toml").read_text()
    assert re.search(r'^undocumented_unsafe_blocks = "deny"$', workspace, re.MULTILINE)
    for member in members():
        assert "\n[lints]\nworkspace = true\n" in (ROOT / member / "Cargo.toml").read_text(), member
        for source in (ROOT / member).glob("src/**/*.rs"):
            assert not re.search(r"(allow|expect|warn)\([^)]*undocumented_unsafe", source.read_text()), source


@pytest.mark.parametrize(
    ("expression", "is_met"),
    [
        ("MIT", True),
        ("GPL-3.0", False),
        ("GPL-3.0 OR MIT", True),
        ("GPL-3.0/MIT", True),
        ("GPL-3.0 AND MIT", False),
        ("MIT OR GPL-3.0 AND GPL-2.0", True),
        ("(MIT OR GPL-3.0) AND GPL-2.0", False),
        ("(MIT OR GPL-3.0) AND ISC", True),
        ("Apache-2.0 WITH LLVM-exception", False),
        ("Apache-2.0 WITH LLVM-exception OR MIT", True),
    ],
)
def test_an_expression_of_licences_is_read_as_spdx_says(expression: str, is_met: bool) -> None:
    assert satisfied(expression, {"Apache-2.0", "ISC", "MIT"}) == is_met


def test_what_is_shipped_is_under_licences_that_are_allowed() -> None:
    shipped = linked()
    assert len(shipped) > 100
    packages = dependencies()["packages"]
    ours = (package for package in packages if package["id"] in shipped)
    assert refused_licences(ours, LICENCES_OF) == []
    tools = (package for package in packages if package["id"] not in shipped)
    assert refused_licences(tools, LICENCES_OF_TOOLS) == []


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
