"""Pages as a reader sees them: an independent CommonMark parser, with the tables and the HTML that it knows."""

from collections import Counter

from markdown_it import MarkdownIt
from markdown_it.token import Token

READER = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
HOSTILE = (
    "a|b<script>alert(1)</script>", "__x__", "_x_", "**x**", "*x", "`x`", "``x", "[x](http://y)", "![x](y.png)",
    "[x]: http://y", "<http://y>", "<!-- x", "<b", "&lt;b&gt;", "# x", "> x", "- x", "+ x", "1. x", "1) x", "---", "===",
    "~~x~~", "$x$", "x\\", "\\|", "a\nb", "a\r\n\r\n# b", "a\n| b |", "a\tb", "\x1b[31mred\x07", "\u202egnirts", "x\u2028# y",
    "\udc80", "\x00", "```", "<details open ontoggle=alert(1)>", "\\<img src=x onerror=alert(1)>", "| a |", "a||b",
)  # fmt: skip


def tokens(page: str) -> list[Token]:
    """All of them, those in a line of text too."""
    return [inner for token in READER.parse(page) for inner in (token, *(token.children or ()))]


def shape(page: str) -> Counter[str]:
    """How often each kind of structure occurs; words are none."""
    words = ("text", "softbreak", "inline", "text_special")
    return Counter(token.type for token in tokens(page) if token.type not in words)


def words(page: str) -> str:
    return " ".join(token.content for token in tokens(page) if token.type in ("text", "code_inline"))
