#!/usr/bin/env python3
"""Fails when more than two files of a crate import one another in a circle.

Such files can be neither understood nor tested alone. A file imports another by a `use` or by a path within its
text, from `crate`, `super`, `self` or a module that it declares. The declaration itself, `mod name;`, doesn't count,
nor do tests.
"""

import re
import sys
from pathlib import Path

CRATES = ["wasm-pool", "uring-net", "rusm"]
LARGEST = 2


def modules(src):
    """Module path, as a tuple of names, -> its file; () is the library's root."""
    found = {}
    for file in sorted(src.rglob("*.rs")):
        path = file.relative_to(src).with_suffix("").parts
        if "tests" in path or path == ("main",):
            continue
        found[path[:-1] if path[-1] in ("lib", "mod") else path] = file
    return found


def code(file):
    """The text of a file without tests, comments and literals."""
    text = re.split(r"^#\[cfg\(test\)\]\n(?:#\[.*\]\n)*mod tests? \{", file.read_text(), flags=re.M)[0]
    # Who may see an item is not what the file imports.
    text = re.sub(r"\bpub\(in [^)]*\)", "", text)
    return re.sub(r"//[^\n]*|'\\?.'|\"(?:\\.|[^\"\\])*\"", "", text)


def expand(tree):
    """The paths of a `use` with braces in it: `a::{b, c::{self, d}}` -> a::b, a::c, a::c::d."""
    tree = tree.strip()
    if "{" not in tree:
        yield tree.split(" as ")[0].strip().removesuffix("::self")
        return
    head, rest = tree.split("{", 1)
    depth, item = 0, ""
    for char in rest[: rest.rindex("}")] + ",":
        depth += (char == "{") - (char == "}")
        if char != "," or depth:
            item += char
            continue
        if item.strip():
            yield from expand(head + item.strip())
        item = ""


def paths(text):
    """Every path that may lead to another module."""
    for tree in re.findall(r"\buse\s+([^;]+);", text):
        yield from expand(tree)
    rest = re.sub(r"\buse\s+[^;]+;", "", text)
    yield from re.findall(r"(?<![\w:])[a-z_]\w*(?:::\w+)+", rest)


def target(module, path, found):
    """The file that a path in `module` leads into, or None if it leads out of the crate."""
    names = path.split("::")
    here = list(module)
    if names[0] == "crate":
        here, names = [], names[1:]
    elif names[0] in ("self", "super"):
        while names and names[0] in ("self", "super"):
            here = here[:-1] if names.pop(0) == "super" else here
    elif (*module, names[0]) not in found:
        return None
    while names and (*here, names[0]) in found:
        here.append(names.pop(0))
    return tuple(here) if tuple(here) in found else None


def circles(edges):
    """The strongly connected components (Tarjan's algorithm) of more than LARGEST files."""
    index, low, stack, result = {}, {}, [], []

    def visit(node):
        index[node] = low[node] = len(index)
        stack.append(node)
        for other in sorted(edges[node]):
            if other not in index:
                visit(other)
            if other in stack:
                low[node] = min(low[node], low[other])
        if low[node] == index[node]:
            circle = stack[stack.index(node) :]
            del stack[stack.index(node) :]
            if len(circle) > LARGEST:
                result.append(circle)

    for node in sorted(edges):
        if node not in index:
            visit(node)
    return result


def main():
    root = Path(__file__).resolve().parent.parent
    failed = False
    for crate in CRATES:
        found = modules(root / crate / "src")
        edges = {
            module: {target(module, path, found) for path in paths(code(file))} - {None, module}
            for module, file in found.items()
        }
        for circle in circles(edges):
            failed = True
            print(f"{crate}: {len(circle)} files import one another in a circle:")
            for module in sorted(circle):
                others = sorted(found[other].relative_to(root / crate).as_posix() for other in edges[module] if other in circle)
                print(f"  {found[module].relative_to(root / crate)} -> {', '.join(others)}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
