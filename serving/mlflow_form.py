"""Exports as MLflow models, by loader module; nothing is pickled. Needs MLflow where it is saved and loaded:

mlflow.pyfunc.save_model("model", loader_module="serving.mlflow_form", data_path="folder")
mlflow.pyfunc.load_model("model").predict(frame)
"""

from typing import Any

from serving.folder import Decider, load


class ExportedModel:
    """What `mlflow.pyfunc` calls a model: it has `predict`."""

    def __init__(self, decider: Decider) -> None:
        self.decider = decider

    def predict(self, model_input: Any, params: dict[str, Any] | None = None) -> Any:
        """A data frame with the rows and the index of the one that came; of anything else, columns by name."""
        decided = self.decider.decide(model_input)
        return (
            type(model_input)(decided, index=model_input.index) if hasattr(model_input, "index") else decided
        )


def _load_pyfunc(path: str) -> ExportedModel:
    """Called by MLflow with the folder that was saved as `data_path`."""
    return ExportedModel(load(path))
