"""Whether the public API of the crate is what it says: an example for each item, and no type of another crate.

Reads what rustdoc writes as JSON: ``check_public_api.py target/doc/jitsimeet.json``.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

# Whose types a caller has anyway, whatever the version of this crate.
STANDARD = {"std", "core", "alloc"}
# The paths of other crates that callers meet, and why: a breaking change of these is one of ours.
ALLOWED = {
    "serde_json::value::Value": "options are JSON",
    "serde_json::map::Map": "options are JSON",
    "serde_core::ser::Serialize": "what a connection answers can be written as JSON",
    "futures_core::stream::Stream": "events are a stream",
}
# They are shown by what they belong to.
WITHOUT_EXAMPLE = {
    "impl",
    "use",
    "variant",
    "struct_field",
    "assoc_type",
    "assoc_const",
}

Item = dict[str, Any]


def kind_of(item: Item) -> str:
    return str(next(iter(item["inner"])))


def public_items(crate: dict[str, Any]) -> Iterator[tuple[str, Item]]:
    """Return each item that a caller can name, with its path, and each `impl` of a trait for one of them."""
    index = crate["index"]
    seen: set[int] = set()
    waiting = [(crate["root"], "")]
    while waiting:
        number, parent = waiting.pop()
        item = index.get(str(number))
        if item is None or number in seen:
            continue
        seen.add(number)
        kind, inner = next(iter(item["inner"].items()))
        path = f"{parent}::{item['name']}" if parent else str(item["name"])
        if kind == "use":
            waiting.append((inner["id"], parent))
            continue
        if kind == "impl":
            generated = inner["is_synthetic"] or inner["blanket_impl"] is not None
            if not generated:
                yield parent, item
                # The methods of a trait are the trait's.
                members = [] if inner["trait"] else inner["items"]
                waiting += [(member, parent) for member in members if is_public(index, member)]
            continue
        yield path, item
        members = inner.get("items") or inner.get("variants") or []
        if kind == "struct" and "plain" in inner["kind"]:
            members = inner["kind"]["plain"]["fields"]
        waiting += [(member, path) for member in members if kind != "module" or is_public(index, member)]
        waiting += [(implementation, path) for implementation in inner.get("impls", [])]


def is_public(index: dict[str, Item], number: int) -> bool:
    item = index.get(str(number))
    return item is not None and item["visibility"] in ("public", "default")


def mentioned(node: object) -> Iterator[int]:
    """Return the ids of all types and traits in a signature."""
    if isinstance(node, list):
        for child in node:
            yield from mentioned(child)
    elif isinstance(node, dict):
        if "id" in node and "path" in node and "args" in node:
            yield node["id"]
        for key, child in node.items():
            if key not in ("items", "impls", "variants", "fields"):
                yield from mentioned(child)


def runs(docs: str | None) -> bool:
    """Whether there is an example in it that the tests run."""
    fences = re.findall(r"^\s*```(.*)$", docs or "", re.MULTILINE)
    return any(info.strip() in ("", "rust", "should_panic") for info in fences[::2])


def problems(crate: dict[str, Any]) -> Iterator[str]:
    count = 0
    for path, item in public_items(crate):
        count += 1
        if kind_of(item) not in WITHOUT_EXAMPLE and not runs(item["docs"]):
            yield f"{path} ({kind_of(item)}) has no example that runs"
        for number in set(mentioned(item["inner"])):
            summary = crate["paths"].get(str(number))
            if summary is None or summary["crate_id"] == 0:
                continue
            foreign = "::".join(summary["path"])
            if summary["path"][0] not in STANDARD and foreign not in ALLOWED:
                yield f"{path} shows {foreign}, which is another crate's"
    # A format that is read wrongly has nothing in it.
    if count < 100:
        yield f"only {count} public items were found"


def main() -> int:
    found = sorted(problems(json.loads(Path(sys.argv[1]).read_text())))
    for problem in found:
        print(problem, file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
