"""What a service needs of lens_shortcuts: the networks of the chosen variant as one ONNX graph, from stamps to a score."""

from pathlib import Path
from typing import Any

from methods.graphs.stamps import stamp_graph
from methods.lenses.geometry import PIXEL_SCALE
from params.lens_recipe import TrainRecipe
from serving.fields import Field
from serving.stamps import LOGIT, MODEL, SCORE, STAMP
from storage.files.documents import read_json
from storage.files.inputs import InputError
from storage.files.tensors import read_foreign_tensors, tensor_names
from storage.lenses.stamps import BANDS, SHAPE, SIZE
from tasks.lens_shortcuts.model.labelled_stamps import TRAINED
from tasks.report.export import Payload

FOLDER = "artifacts/lens_shortcuts"
NEEDS = (f"{FOLDER}/chosen.json", f"{FOLDER}/*/run")
LIMITS = [
    "A score ranks stamps; it is no probability that a stamp is a lens, and no threshold on it was chosen: lenses are "
    "far rarer on the sky than among the stamps of training. Choose a threshold on labelled stamps of your own survey.",
    "It is the training that was judged. One in full, on all stamps, is another network, which no table judges.",
    "What was decided is which recipe to trust, not what is a lens: a candidate is for a person to look at.",
    f"Stamps have to be {SIZE} x {SIZE} pixels of {PIXEL_SCALE:g} arcsec, bands {', '.join(BANDS)}, in nanomaggies, with the "
    "galaxy on the middle pixel; other instruments, other seeing or other cut-outs are nothing that it has seen.",
]
OF_ONE = "It is one training; another seed would rank some stamps otherwise."
OF_SEVERAL = (
    "The figures of the variant are of single trainings, in the mean over {n} seeds; the score is the mean of their "
    "probabilities, which no table judges."
)


def payload(root: Path) -> Payload:
    folder = root / FOLDER
    run, status = _run(folder)
    recipe, seeds = TrainRecipe.model_validate(status["recipe"]), status["seeds"]
    weights = [_weights(run / f"seed_{seed}" / "best.safetensors") for seed in seeds]
    return Payload(
        kind="stamps",
        inputs=[
            Field(
                STAMP, "number", SHAPE, unit="nanomaggies",
                description=f"planes {', '.join(BANDS)}, {PIXEL_SCALE:g} arcsec a pixel, galaxy on the middle pixel",
            )
        ],
        outputs=[
            Field(SCORE, "number", minimum=0, maximum=1, description="higher is more like a lens; no threshold is chosen"),
            *(Field(f"{LOGIT}{seed}", "number", description=f"of the network of seed {seed}") for seed in seeds),
        ],
        decision={
            "variant": status["variant"],
            "mode": status["mode"],
            "phases": status["phases"],
            "input": recipe.network.input,
            "width": recipe.network.width,
            "seeds": seeds,
            "bands": list(BANDS),
            "size": SIZE,
            "pixel_scale": PIXEL_SCALE,
            "threshold": None,
        },
        limits=[*LIMITS, OF_ONE if len(seeds) == 1 else OF_SEVERAL.format(n=len(seeds))],
        files={MODEL: stamp_graph(weights, recipe.network.input, len(BANDS), SIZE)},
        task="image-classification",
        example="stamps.npz",
    )  # fmt: skip


def _run(folder: Path) -> tuple[Path, dict[str, Any]]:
    """The chosen variant's, as the tree judged it, and what its status.json says."""
    path = folder / "chosen.json"
    chosen = read_json(path)
    if chosen["chosen"] is None:
        raise InputError(
            path, f"no network is to be trusted ({chosen['leaf']}: {chosen['reason']}), so there is none to export",
            field="chosen",
        )  # fmt: skip
    for place in sorted(folder.glob("*/run/status.json")):
        status: dict[str, Any] = read_json(place)
        if status["variant"] == chosen["chosen"] and status["status"] == TRAINED:
            return place.parent, status
    raise InputError(
        path, f"names {chosen['chosen']}, of which there is no trained run; get it with `dvc pull`, or train it again",
        field="chosen",
    )  # fmt: skip


def _weights(path: Path) -> dict[str, Any]:
    return read_foreign_tensors(path, tensor_names(path))
