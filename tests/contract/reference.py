"""Writes the published contract to docs/openapi.json, and the reference in docs/api.md.

`python -m tests.contract.reference` writes both (`make openapi`).
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from tests.sandbox import contract

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

DOCS = contract.PATH.parents[1] / "docs"
BEGIN = "<!-- reference: begin -->"
END = "<!-- reference: end -->"

Tree = dict[str, Any]


def files() -> dict[Path, str]:
    """What the files contain when they are up to date."""
    document = json.dumps(contract.published(), ensure_ascii=False, indent=1)
    page = DOCS / "api.md"
    before, _, rest = page.read_text().partition(BEGIN)
    _, _, after = rest.partition(END)
    reference = "\n".join(_lines())
    return {
        DOCS / "openapi.json": document + "\n",
        page: f"{before}{BEGIN}\n\n{reference}\n{END}{after}",
    }


def _lines() -> Iterator[str]:
    """The reference as Markdown."""
    for tag in contract.published()["tags"]:
        yield f"### {tag['name']}\n\n{tag['description']}\n"
        for method, path, operation in contract.operations():
            if operation["tags"] == [tag["name"]]:
                yield from _operation(f"{method} {path}", operation)


def _operation(name: str, operation: Tree) -> Iterator[str]:
    caller = "public or a client" if {} in operation["security"] else "a client"
    yield f"#### `{name}`\n\n{operation['summary']} (caller: {caller}). {operation['description']}\n"
    fields = [*_parameters(operation), *_fields(operation)]
    if fields:
        yield "| field | | |\n|---|---|---|"
        yield from fields
        yield ""
    for example in _bodies(operation.get("requestBody", {})):
        yield f"```json\n{json.dumps(example, ensure_ascii=False)}\n```\n"
    yield "| status | answer |\n|---|---|"
    for status, response in operation["responses"].items():
        told = response["description"]
        if status < "3":
            told += "".join(
                f"<br>`{json.dumps(example, ensure_ascii=False)}`" for example in _bodies(response)
            )
        yield f"| {status} | {told} |"
    yield ""


def _parameters(operation: Tree) -> Iterator[str]:
    for parameter in operation.get("parameters", []):
        each = _resolved(parameter)
        about = _told(each.get("description", ""), each["schema"])
        yield f"| `{each['name']}` ({each['in']}) | {'required' if each.get('required') else ''} | {about} |"


def _fields(operation: Tree) -> Iterator[str]:
    """The fields of the body, in all of its forms."""
    for media in operation.get("requestBody", {}).get("content", {}).values():
        schema = _resolved(media["schema"])
        forms = [_resolved(each) for each in schema.get("anyOf") or schema.get("oneOf") or [schema]]
        fields: Tree = {}
        for form in forms:
            for name, field in form["properties"].items():
                enum = [*fields.get(name, {}).get("enum", []), *field.get("enum", [])]
                fields[name] = field | ({"enum": enum} if enum else {})
        for name, field in fields.items():
            required = [name in form.get("required", []) for form in forms]
            need = "required" if all(required) else "in one form" if any(required) else ""
            yield f"| `{name}` | {need} | {_told(field.get('description', ''), field)} |"


def _told(description: str, schema: Tree) -> str:
    """A field in words: its type, its bounds and its meaning."""
    options = [each for each in schema.get("oneOf", [schema]) if each.get("type") != "null"]
    schema = _resolved(options[0])
    kind = schema.get("type", "")
    words = kind if isinstance(kind, str) else kind[0]
    if "enum" in schema:
        words = ", ".join(f"`{each}`" for each in schema["enum"])
    elif "pattern" in schema:
        words += f" `{schema['pattern']}`".replace("|", "\\|")
    elif "maxLength" in schema:
        words += f", at most {schema['maxLength']} characters"
    text = description or schema.get("description", "")
    return ". ".join(each for each in (words, text) if each)


def _bodies(part: Tree) -> Iterator[object]:
    for media in part.get("content", {}).values():
        for example in media["examples"].values():
            yield example["value"]


def _resolved(node: Tree) -> Tree:
    if "$ref" not in node:
        return node
    _, _, kind, name = node["$ref"].split("/")
    resolved: Tree = contract.published()["components"][kind][name]
    return resolved


if __name__ == "__main__":
    for path, text in files().items():
        path.write_text(text)
