"""Audio language models and their LoRA adapters on disk (extra `audio-llm`); nothing is ever downloaded."""

from pathlib import Path
from typing import Any

from storage.files.inputs import InputError

PARAMS = Path("params.yaml")


def load_audio_model(name: str, four_bit: bool) -> tuple[Any, Any]:
    """(model, processor) from a folder or from the local cache."""
    transformers = _extra("transformers")
    options: dict[str, Any] = {"local_files_only": True}
    if four_bit:
        options["quantization_config"] = transformers.BitsAndBytesConfig(load_in_4bit=True)
    try:
        processor = transformers.AutoProcessor.from_pretrained(name, local_files_only=True)
        model = transformers.Qwen2AudioForConditionalGeneration.from_pretrained(name, **options)
    except (OSError, ValueError, ImportError) as error:
        raise InputError(
            PARAMS,
            f"{name!r} cannot be loaded ({error}); it has to be a folder, or in the local cache: "
            f"`hf download {name}` puts it there",
            field="speech_temperature.fit.backend.model",
        ) from None
    return model, processor


def with_adapter(model: Any, targets: str, rank: int, alpha: int, dropout: float) -> Any:
    """The model with fresh LoRA weights on the layers whose whole name matches `targets`, all else frozen."""
    peft = _extra("peft")
    config = peft.LoraConfig(
        r=rank, lora_alpha=alpha, lora_dropout=dropout, target_modules=targets, bias="none", task_type="CAUSAL_LM"
    )  # fmt: skip
    return peft.get_peft_model(model, config)


def save_adapter(model: Any, folder: Path) -> None:
    """safetensors and a JSON, without the card that peft writes beside them."""
    model.save_pretrained(str(folder), safe_serialization=True)
    (folder / "README.md").unlink(missing_ok=True)


def _extra(name: str) -> Any:
    try:
        return __import__(name)
    except ImportError:
        raise InputError(
            PARAMS, f"the backend is qwen2_audio, but {name} is not installed; install the extra: audio-llm",
            field="speech_temperature.fit.backend",
        ) from None  # fmt: skip
