"""The promises of the rooms: where a thing stands can be told from its name."""

import ast
import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest

from flows.pinned.code import imported
from tests.imports import PACKAGES, ROOT
from tests.test_architecture import EXPERIMENTS, modules

COMPARISON = {"evaluation", "choice", "decision", "tables", "plots", "report"}
BESIDE_STEPS = {"comparison", "model", "use"}
OF_AN_EXPERIMENT = {*(f"flows/{name}.py" for name in EXPERIMENTS), "flows/lens_full_training.py"}
LINES, SCREEN = 300, 60
STEP_BLOCKS = {  # params: one a step, named after it in every experiment
    "Simulate", "Prepare", "Embed", "Plan", "Score", "Features", "Render", "Sample", "Gates", "Train", "Tree", "Mask",
    "Whole", "Full", "Fit", "Tune", "Calibrate", "Compare",
}  # fmt: skip
SAME_ROLE = {"params": STEP_BLOCKS, "simulators": {"World"}}  # what a simulator draws from
MAY_IMPORT_LATE = {  # module -> why an import stands inside a function of it
    "flows/attested/crate.py": "an extra",
    "flows/reproduce.py": "DVC takes a second to import: only where it is not known that nothing is stale",
    "flows/studies/inside.py": "DVC takes a second to import: the repository itself needs none here",
    "flows/walk/plan.py": "DVC takes a second to import: only where it is not known that nothing is stale",
    "flows/walk/reproduction.py": "Prefect takes seconds to import: only where something will run",
    "flows/monitor.py": "Prefect takes seconds to import: only where a server is asked",
    "flows/studies/commands.py": "Prefect takes seconds to import: only where a server is asked",
    "flows/verify.py": "Prefect takes seconds to import: only where something will run",
    "flows/walk/placement.py": "an extra, and slow to import",
    "flows/walk/watchdog.py": "a watchdog that is never needed starts in no time",
    "methods/heads/background_classes.py": "scikit-learn takes half a second to import: only where there is background",
    "methods/splits/group_holdout.py": "scikit-learn takes half a second to import, and a given split needs none of it",
    "serving/onnx_model.py": "an extra: what holds thresholds alone needs numpy alone",
    "storage/messages/fasttext_models.py": "an extra",
    "storage/speech/audio.py": "scipy.signal takes half a second to import: only where a rate is another",
    "tasks/fpr_thresholds/prepare.py": "scikit-learn takes half a second to import, and given scores need none of it",
    "tasks/fpr_thresholds/score.py": "an extra, and scikit-learn, which given scores do not need",
    "tasks/fpr_thresholds/use/monitor.py": "an extra",
    "tasks/head_sweep/embed.py": "torch, which ready values do not need",
    "tasks/speech_temperature/fit.py": "torch, which given logits do not need, and an extra",
}
WORDS = r"[A-Za-z]{2,}[,;:]? "
SENTENCE = re.compile(f"(?:{WORDS}){{3}}[A-Za-z]{{2,}}")  # four words one after the other
PHRASE = re.compile(f"{WORDS}[A-Za-z]{{2,}}")  # two, beside a figure
SAID_IN_PLACE = re.compile(r"Error|warn|log|print|std(?:out|err)|Argument|argument|Field|refuse|Undefined")


def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


@pytest.mark.parametrize("experiment", EXPERIMENTS)
def test_only_steps_stand_on_the_top_floor_of_an_experiment(experiment: str) -> None:
    folder = ROOT / "tasks" / experiment
    for path in folder.glob("*.py"):
        if path.name != "__init__.py":
            assert "\ndef main(" in path.read_text(), f"{path.relative_to(ROOT)} is no step"
    assert {path.name for path in folder.iterdir() if path.is_dir()} - {"__pycache__"} <= BESIDE_STEPS


@pytest.mark.parametrize("experiment", EXPERIMENTS)
def test_every_comparison_has_the_same_names(experiment: str) -> None:
    folder = ROOT / "tasks" / experiment / "comparison"
    assert {path.stem for path in folder.glob("*.py")} - {"__init__"} == COMPARISON
    assert {"report.md.j2", "page.html.j2", "reasons.j2", "view.json", "columns.yaml"} <= {
        path.name for path in folder.iterdir()
    }


def test_no_experiment_is_named_in_flows_outside_its_own() -> None:
    for path in (ROOT / "flows").rglob("*"):
        if path.suffix in (".py", ".j2") and path.relative_to(ROOT).as_posix() not in OF_AN_EXPERIMENT:
            found = [name for name in EXPERIMENTS if name in path.read_text()]
            assert not found, f"{path.relative_to(ROOT)} names {found}"


def test_no_module_reaches_itself_by_its_imports() -> None:
    """Imports inside functions count: one that hides a circle is one."""
    graph = {path: imported(path) for package in PACKAGES for path in modules(package)}
    done: set[Path] = set()

    def visit(path: Path, trail: tuple[Path, ...]) -> None:
        names = " -> ".join(each.relative_to(ROOT).as_posix() for each in (*trail, path))
        assert path not in trail, names
        if path not in done:
            for target in graph.get(path, ()):
                visit(target, (*trail, path))
            done.add(path)

    for path in graph:
        visit(path, ())


def test_imports_stand_at_the_top_of_a_module_but_for_optional_and_heavy_ones() -> None:
    late = set()
    for package in PACKAGES:
        for path in modules(package):
            functions = [node for node in ast.walk(tree(path)) if isinstance(node, ast.FunctionDef)]
            inner = [node for each in functions for node in ast.walk(each)]
            if any(isinstance(node, ast.Import | ast.ImportFrom) for node in inner):
                late.add(path.relative_to(ROOT).as_posix())
    assert late <= set(MAY_IMPORT_LATE), sorted(late - set(MAY_IMPORT_LATE))


def test_a_class_name_has_one_meaning() -> None:
    homes = defaultdict(list)
    for package in PACKAGES:
        for path in modules(package):
            for node in ast.walk(tree(path)):
                if isinstance(node, ast.ClassDef) and node.name not in SAME_ROLE.get(package, ()):
                    homes[node.name].append(path.relative_to(ROOT).as_posix())
    twice = {name: paths for name, paths in homes.items() if len(paths) > 1}
    assert not twice


def test_modules_and_functions_can_be_taken_in() -> None:
    for package in (*PACKAGES, "bench"):
        for path in modules(package):
            assert len(path.read_text().splitlines()) <= LINES, f"{path.relative_to(ROOT)} is long"
            for node in ast.walk(tree(path)):
                if isinstance(node, ast.FunctionDef) and node.end_lineno:
                    length = node.end_lineno - node.body[0].lineno + 1
                    assert length <= SCREEN, f"{path.relative_to(ROOT)}: {node.name} has {length} lines"


def prose(path: Path) -> Iterator[str]:
    """Constants that tell something: not docstrings, and not what is raised, logged or printed in place."""
    module = tree(path)
    skipped: set[int] = set()
    for node in ast.walk(module):
        in_place = isinstance(node, ast.Raise | ast.Assert) or (
            isinstance(node, ast.Call) and SAID_IN_PLACE.search(ast.unparse(node.func))
        )
        if in_place or (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)):
            skipped |= {id(inner) for inner in ast.walk(node)}
    for node in ast.walk(module):
        if id(node) in skipped:
            continue
        if isinstance(node, ast.JoinedStr):
            parts = [each.value for each in node.values if isinstance(each, ast.Constant)]
            figures = len(parts) < len(node.values)
            yield from (str(part) for part in parts if figures and PHRASE.search(str(part)))
            skipped |= {id(inner) for inner in ast.walk(node)}
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and SENTENCE.search(node.value):
            yield node.value


SAYS_IT_ITSELF = {  # and why
    "methods/heads/comparisons.py": "names of knobs, which are cells",
    "methods/splits/group_holdout.py": "what its caller raises",
    "methods/splits/group_split.py": "what its caller raises",
}
TELLING = [
    path
    for path in (
        *(path for name in EXPERIMENTS for path in modules(f"tasks/{name}/comparison")),
        *modules("tasks/report"),
        *modules("methods"),
        *(path for path in modules("flows/published") if path.name != "terminal.py"),
    )
    if path.name != "plots.py" and path.relative_to(ROOT).as_posix() not in SAYS_IT_ITSELF
]


@pytest.mark.parametrize("path", TELLING, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_words_for_people_stand_in_templates(path: Path) -> None:
    """Of tables, decisions, reports and artifacts; pictures label themselves."""
    assert not list(prose(path))


def test_prose_is_found_where_it_stands(tmp_path: Path) -> None:
    path = tmp_path / "module.py"
    path.write_text(
        '"""A module that says what it is."""\nKIND = "not distinguishable"\n'
        'def told(n, file):\n    """What it gives back."""\n    if n < 0:\n'
        '        raise ValueError(f"expected at least 0 rows, got {n}")\n    return f"{n} of the rows fired"\n'
        'LONG = "the control stays as it is"\n'
    )
    assert sorted(prose(path)) == [" of the rows fired", "the control stays as it is"]


PAGES = [
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    *(ROOT / "docs").glob("*.md"),
    *(ROOT / "bench").glob("*.md"),
]


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_what_a_page_points_to_is_there(page: Path) -> None:
    """Links, and paths and modules of this repository that it names in code."""
    text = page.read_text(encoding="utf-8")
    links = [link for link in re.findall(r"\]\(([^)#:]+)\)", text) if not (page.parent / link).exists()]
    code = re.findall(
        r"`(?:python -m )?((?:flows|tasks|methods|storage|params|tests|bench)[./][\w./]+?)(?:[`(\s])", text
    )
    named = {each for each in code if not _is_there(each)}
    assert (links, named) == ([], set())


def _is_there(name: str) -> bool:
    """A path, a module, or something in a module."""
    path = ROOT / name.removesuffix("/")
    dotted = ROOT / name.replace(".", "/")
    return path.exists() or any(
        each.with_suffix(".py").exists() or each.is_dir() for each in (dotted, dotted.parent)
    )
