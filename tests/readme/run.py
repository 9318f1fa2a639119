"""Compile and run the quick starts of README.md, as a reader would, against the embedded server.

Every fenced block that follows a line `<!-- quick start: NAME -->` is taken from the README as it stands; only the
address of the deployment is replaced. Usage: run.py [NAME ...]; the Makefile builds what the blocks link with.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TARGET = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
RELEASE = TARGET / "release"
WORK = TARGET / "readme"
DEADLINE = 60
BLOCK = re.compile(r"<!-- quick start: (\w+) -->\n+```\w+\n(.*?)```", re.DOTALL)
EXPECTED = re.compile(r"^connected as \S+@\S+/\S+$", re.MULTILINE)


def compile_c(compiler: str, standard: str, source: Path) -> list[str]:
    program = source.with_suffix("")
    flags = [f"-std={standard}", "-Wall", "-Wextra", "-Werror", f"-I{ROOT / 'include'}"]
    link = [f"-L{RELEASE}", "-ljitsimeet", f"-Wl,-rpath,{RELEASE}"]
    subprocess.run([compiler, *flags, str(source), *link, "-o", str(program)], check=True)
    return [str(program)]


def command_c(source: Path) -> list[str]:
    return compile_c(os.environ.get("CC", "cc"), "c11", source)


def command_cpp(source: Path) -> list[str]:
    return compile_c(os.environ.get("CXX", "c++"), "c++17", source)


def command_python(source: Path) -> list[str]:
    return [sys.executable, str(source)]


def command_node(source: Path) -> list[str]:
    # The import resolves as in a folder where the package is installed.
    modules = source.parent / "node_modules"
    modules.mkdir(exist_ok=True)
    link = modules / "jitsimeet"
    link.unlink(missing_ok=True)
    link.symlink_to(ROOT / "node")
    return ["node", str(source)]


def command_rust(source: Path) -> list[str]:
    package = source.parent / "rust"
    (package / "src").mkdir(parents=True, exist_ok=True)
    shutil.copy(source, package / "src" / "main.rs")
    # The lock file of the workspace, so that nothing is resolved or compiled anew.
    shutil.copy(ROOT / "Cargo.lock", package / "Cargo.lock")
    (package / "Cargo.toml").write_text(
        f"""[package]
name = "readme"
edition = "2024"

[workspace]

[dependencies]
futures-util = "0.3"
jitsimeet = {{ path = {json.dumps(str(ROOT / "core"))} }}
tokio = {{ version = "1", features = ["macros", "rt-multi-thread"] }}
"""
    )
    environment = {**os.environ, "CARGO_TARGET_DIR": str(TARGET)}
    manifest = str(package / "Cargo.toml")
    subprocess.run(["cargo", "build", "--quiet", "--manifest-path", manifest], check=True, env=environment)
    return [str(TARGET / "debug" / "readme")]


LANGUAGES = {
    "python": (".py", command_python),
    "node": (".mjs", command_node),
    "c": (".c", command_c),
    "cpp": (".cpp", command_cpp),
    "rust": (".rs", command_rust),
}


def run(name: str, code: str, server: dict[str, str]) -> bool:
    suffix, command = LANGUAGES[name]
    source = WORK / f"quickstart_{name}{suffix}"
    code = code.replace("wss://meet.example.org/xmpp-websocket", server["serviceUrl"])
    source.write_text(code.replace("meet.example.org", server["domain"]))
    result = subprocess.run(command(source), capture_output=True, text=True, timeout=DEADLINE)
    passed = result.returncode == 0 and EXPECTED.search(result.stdout) is not None
    print(f"README quick start {name}: {'ok' if passed else 'FAILED'}", flush=True)
    if not passed:
        print(f"exit code {result.returncode}\n{result.stdout}{result.stderr}")
    return passed


def main(wanted: list[str]) -> int:
    blocks = dict(BLOCK.findall((ROOT / "README.md").read_text()))
    missing = set(LANGUAGES) - set(blocks)
    if missing:
        print(f"README.md has no quick start for: {', '.join(sorted(missing))}")
        return 1
    WORK.mkdir(parents=True, exist_ok=True)
    with subprocess.Popen(
        [str(RELEASE / "jitsimeet-testserver"), "--port", "0"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        server = json.loads(process.stdout.readline())
        try:
            results = [run(name, blocks[name], server) for name in wanted or LANGUAGES]
        finally:
            process.stdin.close()
    print(f"{sum(results)} passed, {len(results) - sum(results)} failed", flush=True)
    return 0 if all(results) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
