"""What counts as a command of a page, and what it says of those that nobody runs."""

from tests.docs.commands import CommandBlock, command_blocks, printed_blocks

PAGE = """# Scores

Make a file:

    python - <<'EOF'
    import numpy as np

    for i in range(2):
        print(i)
    EOF
    ls

It looks so:

```csv
id,label
```

~~~json
{"a": 1}
~~~

<!-- not run: it needs a GPU -->

    nvidia-smi

<!-- a remark -->

```sh
echo "a  b"
    indented
```
- a list
    that goes on
"""


def test_blocks_are_found_as_they_are_typed() -> None:
    assert command_blocks(PAGE) == [
        CommandBlock(
            5,
            "python - <<'EOF'\nimport numpy as np\n\nfor i in range(2):\n    print(i)\nEOF\nls\n",
            None,
        ),
        CommandBlock(25, "nvidia-smi\n", "it needs a GPU"),
        CommandBlock(30, 'echo "a  b"\n    indented\n', None),
    ]


def test_a_declaration_holds_for_the_block_below_it_alone() -> None:
    page = "<!-- not run: slow -->\n\n    first\n\ntext\n\n    second\n"
    assert [block.not_run for block in command_blocks(page)] == ["slow", None]


def test_words_between_a_declaration_and_a_block_take_it_away() -> None:
    assert command_blocks("<!-- not run: slow -->\nThen:\n\n    ls\n")[0].not_run is None


def test_a_declaration_may_have_two_lines() -> None:
    assert command_blocks("<!-- not run: it is\nslow -->\n    ls\n")[0].not_run == "it is\nslow"
    assert command_blocks("<!-- not run: it is\nslow -->\n\n    ls\n")[0].not_run == "it is\nslow"


def test_what_a_page_says_is_printed_is_taken_in_parts_of_one_line() -> None:
    page = "```text\nKeep  it.\n  - a\n...\nb\n```\n\n```csv\nid\n```\n\n```text\nc\n```\n"
    assert printed_blocks(page) == ["Keep it. - a", "b", "c"]
