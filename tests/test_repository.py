"""What holds for the repository as a whole."""

from __future__ import annotations

import importlib.metadata
import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parent.parent


def read_json(path: str) -> Any:
    return json.loads((ROOT / path).read_text())


@pytest.fixture(scope="module")
def cargo_packages() -> dict[str, dict[str, Any]]:
    """The members of the workspace, by name."""
    command = ["cargo", "metadata", "--no-deps", "--format-version", "1"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    return {package["name"]: package for package in json.loads(done.stdout)["packages"]}


def test_every_package_has_the_same_version(cargo_packages: dict[str, dict[str, Any]]) -> None:
    versions = {f"crate {name}": package["version"] for name, package in cargo_packages.items()}
    versions["node/package.json"] = read_json("node/package.json")["version"]
    versions["node/package-lock.json"] = read_json("node/package-lock.json")["version"]
    versions["Python package"] = importlib.metadata.version("jitsimeet")
    # The crates need each other in exactly this version too.
    for name, package in cargo_packages.items():
        for dependency in package["dependencies"]:
            if dependency["name"] in cargo_packages and dependency["req"] != "*":
                versions[f"{dependency['name']} as {name} needs it"] = dependency["req"].lstrip("^=")
    assert set(versions.values()) == {cargo_packages["jitsimeet"]["version"]}, versions


def test_every_crate_has_the_same_licence(cargo_packages: dict[str, dict[str, Any]]) -> None:
    licences = {name: package["license"] for name, package in cargo_packages.items()}
    licences["node"] = read_json("node/package.json")["license"]
    licences["Python package"] = importlib.metadata.metadata("jitsimeet")["License-Expression"]
    assert set(licences.values()) == {"Apache-2.0"}, licences


def test_lock_files_name_no_mirror() -> None:
    """A registry of one machine would be the registry of everybody's builds."""
    locks = [ROOT / "Cargo.lock", ROOT / "tests/fuzz/Cargo.lock"]
    lines = [line for lock in locks for line in lock.read_text().splitlines()]
    sources = {line for line in lines if line.startswith("source = ")}
    assert sources == {'source = "registry+https://github.com/rust-lang/crates.io-index"'}
    packages = read_json("node/package-lock.json")["packages"].values()
    assert [
        package["resolved"] for package in packages if "resolved" in package and not package.get("link")
    ] == []
