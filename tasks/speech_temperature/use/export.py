"""What a service needs of speech_temperature: what was chosen to do to logits, with its parameters for each model."""

from pathlib import Path

from serving.fields import Field
from serving.recalibration import LOGIT, PREDICTED, PROBABILITY, SEED
from storage.files.documents import read_json
from storage.speech.temperatures import SeedCalibration
from tasks.report.export import Metric, Payload, plain

EXPERIMENT = "speech_temperature"
FOLDER = f"artifacts/{EXPERIMENT}"
NEEDS = (f"{FOLDER}/choice.json",)
NONE = "none"
LIMITS = [
    "The logits have to come from the very model that was calibrated: another model, or this one trained anew, has "
    "other logits.",
    "Confidence is honest on average over groups like those that calibrated, not for each group or each clip.",
]
IDENTITY = "Nothing was shown to make these probabilities more honest: they are the softmax of the logits, as before."


def payload(root: Path) -> Payload:
    pinned = _pinned(root / FOLDER)
    first = pinned[0]
    method, classes = first.method, first.labels
    parameters = {
        each.seed: {
            name: [plain(value) for value in values]
            for fit in each.methods
            if fit.method == method
            for name, values in fit.parameters.items()
        }
        for each in pinned
    }
    seeds = tuple(parameters)
    asks = len(seeds) > 1 and method != NONE
    seed = Field(SEED, "integer", values=seeds, description="whose model the logits are of")
    return Payload(
        kind="recalibration",
        inputs=[
            *(
                Field(LOGIT + name, "number", description=f"logit of {name}, as the model gave it")
                for name in classes
            ),
            *([seed] if asks else []),
        ],
        outputs=[
            *(Field(PROBABILITY + name, "number", minimum=0, maximum=1) for name in classes),
            Field(PREDICTED, "string", values=tuple(classes)),
        ],
        decision={
            "method": method,
            "classes": classes,
            "parameters": {str(each): parameters[each] for each in seeds},
        },
        limits=[*([IDENTITY] if method == NONE else []), *LIMITS],
        identity=method == NONE,
        metrics=_metrics(root, method),
        example="logits.csv",
    )


def _metrics(root: Path, method: str) -> list[Metric]:
    """Of test, which chose nothing."""
    evidence = read_json(root / "results" / EXPERIMENT / "decision.json")["evidence"]
    groups = f"on {evidence['test_groups']} test groups"
    return [
        Metric("nll", f"NLL of {name} {groups}", evidence["test_nll"][name])
        for name in dict.fromkeys((method, NONE))
        if evidence["test_nll"].get(name) is not None
    ]


def _pinned(folder: Path) -> list[SeedCalibration]:
    """In the order of seeds; a run without logits has none."""
    stored = [read_json(path) for path in folder.glob("seed_*.json")]
    found = [SeedCalibration.model_validate(each) for each in stored if "seed" in each]
    return sorted(found, key=lambda each: each.seed)
