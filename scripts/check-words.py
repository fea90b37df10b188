#!/usr/bin/env python3
"""Finds words that this repository has given up for those of the field: `Mail` for `Delivery`, `Gate` for `Semaphore`.

NAMES are looked for in all text: code, comments, log lines and documents. WORDS are ordinary English, too, and so are
looked for in the code of their crate alone, without comments and strings."""

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

NAMES = {
    "core": "Census ProcessRef Unanswered work_off",
    "uring-net": "BREATH Filling Filled Intake Interim Moment turn_away Violation",
    "wasm-pool": "by_mail NotStarted TooManyHeld",
    "rusm": "AsBuilt LeftOut let_go ShardPlan",
    "sdk": "live_on",
}
WORDS = {
    "core": "Actor Alarm aside attempt held late mail offer owner room settled sound starved tell ties told",
    "uring-net": "Answer aside contained enter excess Exchange held Late late Left mail offer owner Recorder Refusal Reply starved "
    "Step tell ties Told told Watch",
    "wasm-pool": "Admission aside call_by_mail catalog Fault fetching held is_late late Loaded offer owner PATIENCE Place room "
    "sizing starved tell ties told",
    "build": "held mail owner refused",
    "config": "held owner",
    "store": "Asked held mail owner refused",
    "rusm": "Asked cut_off Failure failed held incoming left_out mail mappings owner plan refused Served stop Stop",
    "sdk": "Answering Border held live_on owner pure",
    "loadtest": "Ask Fed Gate greatest held Law least Local mail most Over owner Part Pass Said spoilt Stated Woken",
    "benches": "held mail owner",
}
# What other crates call so, and folders that are not looked at.
ELSEWHERE = ["def.owner", "pool.stop", "listener.incoming", "socket.incoming"]
APART = ["rusm/tests/apps/"]

TEXT = {".json", ".md", ".py", ".rs", ".sh", ".toml", ".ts", ".wit"}
STRING_OR_COMMENT = re.compile(
    r"""b?r(#*)"[\s\S]*?"\1|"(?:\\[\s\S]|[^"\\])*"|'(?:\\.|[^'\\])'|//[^\n]*|/\*[\s\S]*?\*/"""
)


def main():
    found = sorted(place for file in files() for place in places(file))
    for file, line, word in found:
        print(f"{file}:{line}: `{word}`")
    if found:
        sys.exit("these words have been replaced by those of the glossary in docs/architecture.md")


def files():
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    return [file for file in listed.splitlines() if Path(file).suffix in TEXT and file != "scripts/check-words.py"]


def places(file):
    path = ROOT / file
    if not path.is_file():
        return
    text = path.read_text(encoding="utf-8", errors="replace")
    names = " ".join(NAMES.values()).split()
    yield from matches(file, text, names)
    crate = file.split("/")[0]
    if path.suffix == ".rs" and not any(file.startswith(folder) for folder in APART):
        yield from matches(file, code_of(text), WORDS.get(crate, "").split())


def matches(file, text, words):
    if not words:
        return
    for match in re.finditer(rf"\b(?:{'|'.join(words)})\b", text):
        before = text[: match.end()]
        if not any(before.endswith(other) for other in ELSEWHERE):
            yield file, before.count("\n") + 1, match.group()


def code_of(text):
    return STRING_OR_COMMENT.sub(lambda match: "\n" * match.group().count("\n"), text)


if __name__ == "__main__":
    main()
