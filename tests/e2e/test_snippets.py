"""The programs in README.md and docs/*.md run as printed, each against a fresh sandbox.

A fenced block is run unless it says in itself `not run by the tests:` and why. `127.0.0.1:3000` stands
for the sandbox of the tests. In a `console` block the lines after a command (`$ `) are its output. It
must be what is printed, except for ids, codes and times: the real ones take their place in the
commands that follow. `…` stands for any text.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.sandbox.template import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.sandbox.sandbox import Sandbox

DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
EXCUSE = re.compile(r"not run by the tests: \w+", re.IGNORECASE)
PROGRAMS = {"console", "sh", "python", "js"}
OTHERS = {"json", "text", "mermaid"}
PRINTED_HOST = "127.0.0.1:3000"
NODE_CLIENT = Path(__file__).with_name("clients") / "okta_auth_js"
SECONDS = 60
END = "--end of the output--"

VARIABLE = re.compile(
    r"(?P<id>\bch_[\w-]{40,}|\b00u\w{17}\b)"
    r"|(?P<uuid>\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b)"
    r"|(?P<time>\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:Z|\.\d+\+00:00))"
    r"|(?P<code>\b\d{6}\b)"
    r"|(?P<any>…)"
)
REAL = {
    "id": r"[\w-]+",
    "uuid": r"[0-9a-f-]{36}",
    "time": r"[\d:T.+-]+Z?",
    "code": r"\d{6}",
    "any": r".*",
}


@dataclass(frozen=True, slots=True)
class Snippet:
    """A fenced block and where it is."""

    document: str
    line: int
    language: str
    text: str

    @property
    def place(self) -> str:
        return f"{self.document}:{self.line}"

    @property
    def is_run(self) -> bool:
        return self.language in PROGRAMS and not EXCUSE.search(self.text)


def snippets() -> Iterator[Snippet]:
    for path in DOCUMENTS:
        text = path.read_text()
        for match in FENCE.finditer(text):
            line = text.count("\n", 0, match.start()) + 1
            yield Snippet(str(path.relative_to(ROOT)), line, match[1], match[2])


ALL = list(snippets())


def run(arguments: list[str], text: str, cwd: Path = ROOT) -> None:
    """Run a program that is given on standard input; fails unless it succeeds in time."""
    with subprocess.Popen(  # noqa: S603 - our own documents
        arguments,
        cwd=cwd,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    ) as program:
        try:
            output, _ = program.communicate(text, timeout=SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(program.pid, signal.SIGKILL)  # with all that it has started
            raise
    assert program.returncode == 0, output


def run_node(text: str) -> None:
    """Run a program with the packages of Okta's client, which the tests install."""
    if "CI" not in os.environ and not (NODE_CLIENT / "node_modules" / "@okta").exists():
        pytest.skip("Okta's JavaScript client is not installed: set-up found no npm")
    run(["node", "--input-type=module", "-"], text, NODE_CLIENT)


def replay(text: str) -> None:
    """Type the commands of a console session into one shell and compare what it prints."""
    known: dict[str, str] = {}
    first, *rest = re.split(r"^\$ ", text, flags=re.MULTILINE)
    assert not first
    with subprocess.Popen(
        ["/bin/bash"],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as shell:
        for each in rest:
            command, expected = _command_and_output(each)
            for printed, real in known.items():
                command = command.replace(printed, real)
            output = _typed(shell, command)
            match = re.fullmatch(_pattern(expected, known), output)
            assert match, f"{command}\nprints\n{output}\nand not\n{expected}"
            known |= {
                variable[0]: match[f"v{number}"]
                for number, variable in enumerate(VARIABLE.finditer(expected))
                if variable.lastgroup != "any"
            }


def _command_and_output(text: str) -> tuple[str, str]:
    """A command goes on after a line that ends in a backslash, and inside a quoted text."""
    lines = text.rstrip("\n").split("\n")
    count = 1
    while lines[count - 1].endswith("\\") or "\n".join(lines[:count]).count("'") % 2:
        count += 1
    return "\n".join(lines[:count]), "\n".join(lines[count:])


def _typed(shell: subprocess.Popen[str], command: str) -> str:
    assert shell.stdin is not None
    assert shell.stdout is not None
    shell.stdin.write(f"{command}\nprintf '\\n%s\\n' '{END}'\n")
    shell.stdin.flush()
    lines: list[str] = []
    for line in shell.stdout:
        if line == f"{END}\n":
            break
        lines.append(line)
    return "".join(lines).strip("\n")


def _pattern(expected: str, known: dict[str, str]) -> str:
    pattern, position = "", 0
    for number, variable in enumerate(VARIABLE.finditer(expected)):
        pattern += re.escape(expected[position : variable.start()])
        real = known.get(variable[0])
        pattern += f"(?P<v{number}>{re.escape(real) if real else REAL[variable.lastgroup or '']})"
        position = variable.end()
    return pattern + re.escape(expected[position:])


@pytest.mark.parametrize("snippet", [each for each in ALL if each.is_run], ids=lambda s: s.place)
def test_program_runs_as_printed(sandbox: Sandbox, snippet: Snippet) -> None:
    text = snippet.text.replace(PRINTED_HOST, sandbox.url.removeprefix("http://"))
    match snippet.language:
        case "console":
            replay(text)
        case "sh":
            run(["/bin/bash", "-eu", "-o", "pipefail"], text)
        case "python":
            run([sys.executable, "-W", "error", "-"], text)
        case "js":
            run_node(text)
    assert sandbox.invocations.failed == 0


@pytest.mark.parametrize("snippet", [s for s in ALL if s.language == "json"], ids=lambda s: s.place)
def test_json_is_json(snippet: Snippet) -> None:
    json.loads(snippet.text)


def test_every_block_is_run_or_says_why_not() -> None:
    silent = [
        each.place
        for each in ALL
        if not (each.is_run or each.language in OTHERS or EXCUSE.search(each.text))
    ]
    assert silent == []
    assert {each.language for each in ALL if each.is_run} == PROGRAMS


@pytest.mark.parametrize(
    "session",
    [
        "$ echo 1\n2\n",
        "$ echo 123456\n$ echo 1\n",
        "$ echo 111111\n222222\n$ echo 333333\n222222\n",
    ],
    ids=["other output", "missing output", "another code than before"],
)
def test_a_session_with_other_output_fails(session: str) -> None:
    with pytest.raises(AssertionError, match="and not"):
        replay(session)


def test_links_between_documents_lead_somewhere() -> None:
    broken = []
    for path in DOCUMENTS:
        for target in re.findall(r"\]\(([^)#\s]*)(#[^)\s]+)?\)", path.read_text()):
            file, anchor = target
            if file.startswith("http"):
                continue
            linked = path.parent / file if file else path
            if not linked.exists() or (anchor and anchor[1:] not in anchors(linked)):
                broken.append(f"{path.name}: {file}{anchor}")
    assert broken == []


def anchors(path: Path) -> set[str]:
    """The anchors of a document's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", path.read_text(), flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", each.lower()).replace(" ", "-") for each in headings}
