"""Between plain text and the Atlassian Document Format that REST v3 uses for descriptions and comments."""

from __future__ import annotations

from typing import Any


def to_adf(text: str) -> dict[str, Any]:
    """A document with one paragraph a line."""
    paragraphs = [
        {"type": "paragraph", "content": [{"type": "text", "text": line}] if line else []} for line in text.splitlines()
    ]
    return {"type": "doc", "version": 1, "content": paragraphs}


def from_adf(document: Any) -> str:
    """The text of a document, a line per paragraph; ValueError when it is none."""
    known = isinstance(document, dict) and document.get("type") == "doc" and document.get("version") == 1
    if not known or not isinstance(document.get("content"), list):
        raise ValueError("not an Atlassian Document")
    return "\n".join(_text(node) for node in document["content"])


def _text(node: Any) -> str:
    if not isinstance(node, dict) or "type" not in node:
        raise ValueError("not an Atlassian Document")
    if node["type"] == "text":
        return str(node.get("text", ""))
    if node["type"] == "hardBreak":
        return "\n"
    inner = node.get("content", [])
    between = "" if node["type"] in {"paragraph", "heading", "codeBlock"} else "\n"
    return between.join(_text(child) for child in inner)
