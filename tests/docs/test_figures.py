"""No figure is typed by hand: each is what its source says, and one that is not is named, it and no other."""

import random
from collections import Counter
from pathlib import Path

import pytest

from bench.record import record
from tests.docs.figures.numerals import Numeral, numerals, typed_as, value_of, visible
from tests.docs.figures.pages import (
    NOT_COVERED,
    Fault,
    coverage,
    list_of,
    pages,
    phrases,
    prose,
    reasons,
)
from tests.docs.figures.sources import SourceError, answer, at, source
from tests.docs.figures.writing import rewritten, sketch
from tests.imports import ROOT

TEXTS = {page: (ROOT / page).read_text(encoding="utf-8") for page in pages() if page not in NOT_COVERED}
FIGURES = [(page, figure) for page, text in TEXTS.items() for figure in numerals(visible(text))]
PROSE = [(page, figure) for page, text in TEXTS.items() for figure in numerals(prose(text))]
TABLES = sorted({*FIGURES} - {*PROSE}, key=str)  # those of benches, most of all figures


def altered(figure: Numeral, before: str, random: random.Random) -> str:
    """As a slip of the hand or a later run would have it: a last digit, a sign, a unit."""
    digits = [index for index, sign in enumerate(figure.text) if sign.isdigit()]
    last = digits[-1]
    moved = str((int(figure.text[last]) + random.choice((1, 9))) % 10)
    other = [figure.text[:last] + moved + figure.text[last + 1 :]]
    if figure.text.endswith("%"):
        other.append(figure.text.rstrip("% "))
    if figure.text[0] in "+-":
        other.append("-+"["+-".index(figure.text[0])] + figure.text[1:])
    elif before in " [(":
        other.append("-" + figure.text)
    return random.choice(other)


def test_every_figure_is_what_its_source_says() -> None:
    faults = [fault for page, text in TEXTS.items() for fault in coverage(page, text).faults]
    assert not faults, "\n".join(map(str, faults))


def test_every_page_is_covered_or_says_why_not() -> None:
    assert all(NOT_COVERED.values())
    assert len(FIGURES) > 4000
    listed = {path for path in list_of("README.md").parent.rglob("*.txt") if path.stem != "reasons"}
    assert listed <= {list_of(page) for page in pages()}


def test_every_reason_is_one_of_the_list_and_used() -> None:
    used = Counter(phrase.reason for page in pages() for phrase in phrases(page) if phrase.reason)
    assert set(used) == set(reasons())
    for page in pages():
        for phrase in phrases(page):
            kinds = {kind for kind, _ in phrase.pieces()}
            assert kinds & {"source", "literal"}, f"{page}: {phrase.text} has no figure"
            assert "literal" in kinds or not phrase.reason, (
                f"{page}: {phrase.text} has a source, and no literal"
            )


@pytest.mark.parametrize("seed", range(8))
def test_of_fifty_altered_figures_fifty_are_named_and_no_other(seed: int) -> None:
    rng = random.Random(seed)
    expected, texts = Counter[tuple[str, int, str]](), dict(TEXTS)
    were: dict[tuple[str, int, str], set[str]] = {}
    drawn = [*rng.sample(PROSE, 25), *rng.sample(TABLES, 25)]
    for page, figure in sorted(drawn, key=lambda each: -each[1].start):
        text = texts[page]
        typed = altered(figure, text[figure.start - 1], rng)
        texts[page] = text[: figure.start] + typed + text[figure.end :]
        place = (page, text.count("\n", 0, figure.start) + 1, typed)
        expected[place] += 1
        were.setdefault(place, set()).add(figure.text)
    faults = [fault for page, text in texts.items() for fault in coverage(page, text).faults]
    named = Counter((fault.page, fault.line, fault.figure) for fault in faults)
    assert named == expected
    for fault in faults:
        originals = {
            form for each in were[fault.page, fault.line, fault.figure] for form in (each, each.lstrip("+"))
        }
        assert any(f"is {original}" in fault.says for original in originals), str(fault)


def test_what_is_altered_and_has_a_source_is_written_anew() -> None:
    page = "docs/defaults.md"
    drifted = TEXTS[page].replace("| .870 | 2.1 [", "| .871 | 2.2 [")
    faults = coverage(page, drifted).faults
    assert [fault.figure for fault in faults] == [".871", "2.2"]
    assert rewritten(drifted, faults) == TEXTS[page]


def test_a_record_made_anew_is_written_into_its_page() -> None:
    page = "bench/README.md"
    drifted = TEXTS[page].replace("| once | 0.073 |", "| once | 0.074 |")
    (fault,) = coverage(page, drifted).faults
    assert "is 0.073 in recorded/mined_pools.md" in str(fault)
    assert rewritten(drifted, [fault]) == TEXTS[page]


def test_a_figure_that_is_typed_in_anew_is_named_and_sketched() -> None:
    text = TEXTS["docs/use.md"] + "\nIt is right in 97% of cases.\n"
    (fault,) = coverage("docs/use.md", text).faults
    assert (fault.figure, "nothing says where it comes from" in fault.says) == ("97%", True)
    assert list(sketch("docs/use.md", text)) == ["is right in 97% of cases."]


def test_a_phrase_that_is_gone_is_named() -> None:
    faults = coverage("docs/plan.md", TEXTS["docs/plan.md"].replace("Collect", "Get")).faults
    assert [(fault.figure, "expected behind this line" in fault.says) for fault in faults] == [
        ("", True),
        ("622", False),
    ]


@pytest.mark.parametrize(
    ("value", "typed"),
    [
        (0.40288, "40%"),
        (0.0103096, "1.0%"),
        (1520.0, "1,520"),
        (0.0285, ".03"),
        (-0.248369, "-.248"),
        (3.12865, "+3.1"),
    ],
)
def test_a_figure_is_its_source_rounded_to_the_digits_that_are_typed(value: float, typed: str) -> None:
    assert typed_as(value, typed) == typed
    assert abs(value_of(typed) - value) <= 0.5 * 10 ** -len(typed.partition(".")[2].rstrip("%"))


@pytest.mark.parametrize(
    ("text", "figures"),
    [
        ("B1 and N2 at ls0.1 have F1 .870", [".870"]),
        (
            "`--seeds 12` gives 1,520, 2 [-.098, +.749] and 40% ([x](a1.md#2))",
            ["1,520", "2", "-.098", "+.749", "40%"],
        ),
        ("    python -m bench.power 500\n", []),
        ("It prints\n\n    fired 9 of 1,520\n\nand <!-- 7 --> goes on", ["9", "1,520"]),
        ("```yaml\nseed: 7\n```\n\n```text\nfired 9\n```\n", ["9"]),
        ("## 2. Run\n1. Python 3.11 in 2024-05-01", ["3.11", "2024", "05", "01"]),
    ],
)
def test_what_a_figure_is(text: str, figures: list[str]) -> None:
    assert [figure.text for figure in numerals(visible(text))] == figures


def test_an_address_that_leads_nowhere_says_so() -> None:
    assert at("fpr_thresholds:table.csv[A_as_is;crypto]/verdict") == "violates"
    for address, why in {
        "fpr_thresholds:table.csv[A_as_is]/fpr": "rows have these keys",
        "fpr_thresholds:decision.json/evidence/nothing": "there is no nothing",
        "nowhere:table.csv[A]/fpr": "no such file",
        "=at('a') + 1": "expected place:file",
    }.items():
        with pytest.raises(SourceError, match=why):
            source(address)


def test_the_readme_answers_for_every_experiment() -> None:
    answers = [answer(path.name) for path in (ROOT / "results").glob("*/")]
    assert len(answers) == 5
    assert all(f"| {text} |" in TEXTS["README.md"] for text in answers)


def test_the_page_of_the_defaults_says_what_they_and_their_studies_answer() -> None:
    for study in (ROOT / "studies").glob("*/results/*/"):
        name = study.name
        row = f"| [{name}](#{name}) | {answer(name)} | {answer(study.parents[1].name)} |"
        assert row in TEXTS["docs/defaults.md"]


def test_a_bench_s_print_is_kept_below_its_command(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = record("mined_pools", ["1"], tmp_path)
    kept = path.read_text(encoding="utf-8")
    assert kept.startswith("<!-- python -m bench.mined_pools 1 -->\n\n1 draws a row")
    assert kept.partition("\n\n")[2].strip() == capsys.readouterr().out.strip()


def test_a_fault_names_page_line_and_figure() -> None:
    assert str(Fault("docs/use.md", 3, "97%", "is 98%")) == "docs/use.md:3: 97%: is 98%"
