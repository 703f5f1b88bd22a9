"""The LoRA backend offline, end to end, with a tiny random Qwen2-Audio and a tokenizer built here."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from methods.audio.answer_model import (
    Tuning,
    answer_tokens,
    answers,
    encoded,
    lora_targets,
    prompt_text,
    tune,
)
from methods.training_place import Place
from params.block import read_block
from params.speech_temperature import Qwen2Audio
from storage.files.arrays import write_arrays
from storage.files.inputs import InputError
from storage.speech.language_models import load_audio_model, save_adapter, with_adapter
from tasks.speech_temperature.model import language_model
from tasks.speech_temperature.model.language_model import answer_logits

transformers = pytest.importorskip("transformers")
peft = pytest.importorskip("peft")
tokenizers = pytest.importorskip("tokenizers")

pytestmark = [pytest.mark.filterwarnings("ignore"), pytest.mark.slow]

RATE = 16_000
PROMPT = "speech or not ?"
TEMPLATE = (
    "{% for message in messages %}{% for part in message['content'] %}"
    "{% if part['type'] == 'audio' %}<|audio_bos|><|AUDIO|><|audio_eos|> {% else %}{{ part['text'] }}{% endif %}"
    "{% endfor %}{% endfor %}{% if add_generation_prompt %} answer{% endif %}"
)
WORDS = ["<pad>", "<unk>", "<|AUDIO|>", "<|audio_bos|>", "<|audio_eos|>", "A", "B", "answer", *PROMPT.split()]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model of some thousand weights, saved as a real one is."""
    path = tmp_path_factory.mktemp("tiny")
    words = tokenizers.models.WordLevel({word: i for i, word in enumerate(WORDS)}, unk_token="<unk>")
    backend = tokenizers.Tokenizer(words)
    backend.pre_tokenizer = tokenizers.pre_tokenizers.WhitespaceSplit()
    tokenizer = transformers.PreTrainedTokenizerFast(
        tokenizer_object=backend, pad_token="<pad>", unk_token="<unk>",
        additional_special_tokens=["<|AUDIO|>", "<|audio_bos|>", "<|audio_eos|>"],
    )  # fmt: skip
    extractor = transformers.WhisperFeatureExtractor(feature_size=16, chunk_length=2)
    processor = transformers.Qwen2AudioProcessor(extractor, tokenizer, chat_template=TEMPLATE)
    processor.save_pretrained(path)
    audio = {
        "num_mel_bins": 16, "encoder_layers": 1, "encoder_attention_heads": 2, "encoder_ffn_dim": 16, "d_model": 16,
        "max_source_positions": 100,
    }  # fmt: skip
    text = {
        "model_type": "qwen2", "vocab_size": len(WORDS), "hidden_size": 16, "intermediate_size": 32,
        "num_hidden_layers": 2, "num_attention_heads": 2, "num_key_value_heads": 2, "max_position_embeddings": 256,
    }  # fmt: skip
    config = transformers.Qwen2AudioConfig(audio_config=audio, text_config=text, audio_token_index=2)
    torch.manual_seed(0)
    transformers.Qwen2AudioForConditionalGeneration(config).save_pretrained(path)
    return path


@pytest.fixture
def loaded(folder: Path) -> tuple[Any, Any]:
    return load_audio_model(str(folder), four_bit=False)


def clips(n: int) -> tuple[np.ndarray[Any, np.dtype[np.float32]], np.ndarray[Any, np.dtype[np.int64]]]:
    rng, labels = np.random.default_rng(0), np.arange(n) % 2
    tone = np.sin(2 * np.pi * 300 * np.arange(RATE) / RATE)
    return (0.1 * rng.normal(size=(n, RATE)) + 0.5 * labels[:, None] * tone).astype(np.float32), labels


def adapted(model: Any, add_mlp: bool = False) -> Any:
    torch.manual_seed(1)
    return with_adapter(model, lora_targets(add_mlp), 4, 8, 0.0)


@pytest.mark.parametrize("add_mlp", [False, True])
def test_only_the_language_model_is_trained(loaded: tuple[Any, Any], add_mlp: bool) -> None:
    model = adapted(loaded[0], add_mlp)
    trainable = [name for name, weight in model.named_parameters() if weight.requires_grad]
    assert trainable
    assert all("language_model" in name and "audio_tower" not in name for name in trainable)
    assert any("mlp" in name for name in trainable) == add_mlp
    assert any("audio_tower" in name and "q_proj" in name for name, _ in model.named_parameters())


def test_a_few_steps_lower_the_loss_and_the_adapter_reloads_exactly(
    folder: Path, loaded: tuple[Any, Any], tmp_path: Path
) -> None:
    model, processor = adapted(loaded[0]), loaded[1]
    waves, labels = clips(8)
    text, tokens = prompt_text(processor, PROMPT), answer_tokens(processor.tokenizer, ["A", "B"])
    losses = tune(model, processor, text, waves, labels, RATE, tokens, Tuning(4, 4, 2, 2e-2), 1)
    assert len(losses) == 4
    assert losses[3] < losses[0]
    before = answers(model, processor, text, waves, RATE, tokens, 3)
    save_adapter(model, tmp_path / "adapter")
    again = peft.PeftModel.from_pretrained(load_audio_model(str(folder), False)[0], str(tmp_path / "adapter"))
    after = answers(again, processor, text, waves, RATE, tokens, 3)
    assert np.array_equal(before.logits, after.logits)
    assert ((before.mass > 0) & (before.mass <= 1)).all()
    assert not list((tmp_path / "adapter").glob("*.bin"))


def test_a_killed_tuning_goes_on_to_the_same_adapter(folder: Path, loaded: tuple[Any, Any]) -> None:
    waves, labels = clips(6)
    processor = loaded[1]
    text, tokens = prompt_text(processor, PROMPT), answer_tokens(processor.tokenizer, ["A", "B"])
    tuning, kept = Tuning(4, 2, 2, 2e-2), []

    def fresh() -> Any:
        torch.manual_seed(1)
        return with_adapter(load_audio_model(str(folder), False)[0], lora_targets(False), 4, 8, 0.1)

    def killed(state: Any) -> None:
        kept.append(state)
        if len(kept) == 2:
            raise KeyboardInterrupt

    whole, broken, again = fresh(), fresh(), fresh()
    torch.manual_seed(2)
    losses = tune(whole, processor, text, waves, labels, RATE, tokens, tuning, 1)
    torch.manual_seed(2)
    with pytest.raises(KeyboardInterrupt):
        tune(broken, processor, text, waves, labels, RATE, tokens, tuning, 1, Place(keep=killed))
    assert tune(again, processor, text, waves, labels, RATE, tokens, tuning, 1, Place(kept[-1])) == losses
    theirs = dict(whole.named_parameters())
    assert all(torch.equal(value, theirs[name]) for name, value in again.named_parameters())


def test_accumulated_batches_are_one_large_batch(folder: Path) -> None:
    waves, labels = clips(8)
    seen = []
    for batch, accumulation in ((8, 1), (2, 4)):
        model, processor = load_audio_model(str(folder), False)
        model = adapted(model)
        text, tokens = prompt_text(processor, PROMPT), answer_tokens(processor.tokenizer, ["A", "B"])
        tune(model, processor, text, waves, labels, RATE, tokens, Tuning(2, batch, accumulation, 1e-2), 1)
        seen.append(answers(model, processor, text, waves, RATE, tokens, 8).logits)
    assert seen[0] == pytest.approx(seen[1], abs=1e-4)


def test_prompts_are_padded_on_the_left_and_end_where_the_answer_begins(loaded: tuple[Any, Any]) -> None:
    processor = loaded[1]
    text = prompt_text(processor, PROMPT)
    batch = encoded(processor, text, clips(2)[0], RATE)
    assert processor.tokenizer.padding_side == "left"
    assert batch["input_ids"][:, -1].tolist() == [WORDS.index("answer")] * 2
    assert batch["attention_mask"][:, -1].tolist() == [1, 1]


def test_answers_have_to_be_one_token_each(loaded: tuple[Any, Any]) -> None:
    tokenizer = loaded[1].tokenizer
    assert answer_tokens(tokenizer, ["A", "B"]) == [5, 6]
    with pytest.raises(ValueError, match="is 2 tokens"):
        answer_tokens(tokenizer, ["A", "A B"])
    with pytest.raises(ValueError, match="the same token"):
        answer_tokens(tokenizer, ["A", "A"])


def test_what_the_model_would_not_hear_is_refused(loaded: tuple[Any, Any]) -> None:
    processor = loaded[1]
    text = prompt_text(processor, PROMPT)
    with pytest.raises(ValueError, match="no audio token at all"):
        encoded(processor, text, np.ones((1, 320), np.float32), RATE)
    with pytest.raises(ValueError, match="hears 16000 Hz, the clips have 8000 Hz"):
        encoded(processor, text, np.ones((1, 8000), np.float32), 8000)
    with pytest.raises(ValueError, match="expected samples as float32"):
        encoded(processor, text, np.ones((1, RATE), np.int16), RATE)


def backend(folder: Path, tmp_path: Path, **changes: Any) -> Qwen2Audio:
    value = {
        "kind": "qwen2_audio", "model": str(folder), "prompt": PROMPT, "answers": ["A", "B"], "rank": 4, "alpha": 8,
        "dropout": 0.05, "add_mlp_targets": True, "four_bit": False, "learning_rate": 1e-2, "epochs": 1, "batch": 2,
        "accumulation": 2, **changes,
    }  # fmt: skip
    (tmp_path / "params.yaml").write_text(json.dumps({"backend": value}))
    made: Qwen2Audio = read_block(tmp_path / "params.yaml", "backend", Qwen2Audio)
    return made


def test_the_step_writes_logits_of_every_clip_and_twice_is_once(folder: Path, tmp_path: Path) -> None:
    waves, labels = clips(6)
    write_arrays(tmp_path / "waves.npz", {"waves": waves})
    table = pd.DataFrame({"split": ["train"] * 4 + ["dev", "test"], "label": labels})
    made = []
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        made.append(answer_logits(backend(folder, tmp_path), table, tmp_path, 42, tmp_path / name))
    assert made[0].shape == (6, 2)
    assert np.array_equal(made[0], made[1])
    weights = [
        (tmp_path / name / "adapter" / "adapter_model.safetensors").read_bytes() for name in ("one", "two")
    ]
    assert weights[0] == weights[1]


def test_a_model_that_is_not_there_is_refused_with_what_to_do(tmp_path: Path) -> None:
    write_arrays(tmp_path / "waves.npz", {"waves": clips(2)[0]})
    table = pd.DataFrame({"split": ["train", "test"], "label": [0, 1]})
    with pytest.raises(InputError, match=r"cannot be loaded .*hf download"):
        answer_logits(backend(tmp_path / "nowhere", tmp_path), table, tmp_path, 1, tmp_path)


def test_out_of_memory_ends_with_what_to_change(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def too_large(*_: Any) -> list[float]:
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(language_model, "tune", too_large)
    write_arrays(tmp_path / "waves.npz", {"waves": clips(2)[0]})
    table = pd.DataFrame({"split": ["train", "test"], "label": [0, 1]})
    with pytest.raises(InputError, match=r"lower batch and raise accumulation .* four_bit: true, .*jobs: 1"):
        answer_logits(backend(folder, tmp_path), table, tmp_path, 1, tmp_path)
    assert not (tmp_path / "adapter").exists()
