"""Fine-tune an audio language model on two answers: cross-entropy on their logits at the last position of the prompt.

The model is any of Hugging Face's with an audio tower and a language model (Qwen2-Audio); nothing here reads files.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from methods.statistics.streams import seeded
from methods.training_place import Place
from methods.training_state import TrainingState

Floats = NDArray[np.float64]
Waves = NDArray[np.float32]

ATTENTION = ("q_proj", "k_proj", "v_proj", "o_proj")
MLP = ("gate_proj", "up_proj", "down_proj")


@dataclass(frozen=True)
class Tuning:
    epochs: int
    batch: int
    accumulation: int
    learning_rate: float


@dataclass(frozen=True)
class Answers:
    """logits (clips, 2) of the answers; mass (clips,): what probability the model gives to the two together."""

    logits: Floats
    mass: Floats


def lora_targets(add_mlp: bool) -> str:
    """Layers of the language model only: a list of names would hit the audio tower too, which has the same ones."""
    names = "|".join(ATTENTION + (MLP if add_mlp else ()))
    return rf".*language_model\..*\.({names})"


def answer_tokens(tokenizer: Any, answers: list[str]) -> list[int]:
    """One token each; ValueError where an answer is more, or two answers are one token."""
    tokens = []
    for answer in answers:
        ids = tokenizer.encode(answer, add_special_tokens=False)
        if len(ids) != 1:
            raise ValueError(
                f"answer {answer!r} is {len(ids)} tokens; choose answers that are one, as A and B"
            )
        tokens.append(int(ids[0]))
    if len(set(tokens)) != len(tokens):
        raise ValueError(f"answers {answers} are the same token; choose answers that differ")
    return tokens


def prompt_text(processor: Any, prompt: str) -> str:
    """The one prompt of training and evaluation: a clip and the question, up to where the answer begins."""
    content = [{"type": "audio", "audio": "clip"}, {"type": "text", "text": prompt}]
    chat = [{"role": "user", "content": content}]
    return str(processor.apply_chat_template(chat, add_generation_prompt=True, tokenize=False))


def encoded(processor: Any, text: str, waves: Waves, rate: int) -> dict[str, torch.Tensor]:
    """Padded on the left, so that the last position is the prompt's end in every row. ValueError for what the model
    would take without a word and not hear."""
    if waves.dtype != np.float32:
        raise ValueError(f"expected samples as float32 in [-1, 1], got {waves.dtype}")
    expected = processor.feature_extractor.sampling_rate
    if rate != expected:
        raise ValueError(f"the model hears {expected} Hz, the clips have {rate} Hz: resample them")
    processor.tokenizer.padding_side = "left"
    batch = processor(
        text=[text] * len(waves), audio=list(waves), sampling_rate=rate, padding=True, return_tensors="pt"
    )
    heard = (batch["input_ids"] == processor.audio_token_id).sum(dim=1)
    if int(heard.min()) == 0:
        raise ValueError("a clip became no audio token at all: it is 20 ms or shorter; lay it into a carrier")
    return dict(batch)


def tune(
    model: Any, processor: Any, text: str, waves: Waves, labels: NDArray[np.int64], rate: int, tokens: list[int],
    tuning: Tuning, seed: int, place: Place | None = None,
) -> list[float]:  # fmt: skip
    """Train what requires a gradient, in place; mean loss per step. ValueError where that is not the language model.

    place: where every epoch is kept, and what an earlier run left there.
    """
    place = place or Place()
    trainable = {name: weight for name, weight in model.named_parameters() if weight.requires_grad}
    if not trainable or not all("language_model" in name and "lora_" in name for name in trainable):
        raise ValueError("only LoRA weights of the language model may be trained; check the target layers")
    rng = seeded(seed)
    optimiser = torch.optim.AdamW(trainable.values(), lr=tuning.learning_rate, weight_decay=0.0)
    state = TrainingState(trainable, optimiser, random=rng)
    losses: list[float] = state.resume(place).get("losses", [])
    together_count = tuning.batch * tuning.accumulation
    steps = -(-len(labels) // together_count)
    model.train()
    while len(losses) < tuning.epochs * steps:
        order = rng.permutation(len(labels))
        for step in range(0, len(order), together_count):
            together = order[step : step + together_count]
            total = 0.0
            for start in range(0, len(together), tuning.batch):
                rows = together[start : start + tuning.batch]
                logits, _ = _answer_logits(model, encoded(processor, text, waves[rows], rate), tokens)
                target = torch.from_numpy(labels[rows]).to(logits.device)
                loss = torch.nn.functional.cross_entropy(logits, target, reduction="sum") / len(together)
                loss.backward()  # type: ignore[no-untyped-call]
                total += float(loss.detach())
            optimiser.step()
            optimiser.zero_grad()
            losses.append(total)
        state.keep(place, losses=losses)
    return losses


def answers(
    model: Any, processor: Any, text: str, waves: Waves, rate: int, tokens: list[int], batch: int
) -> Answers:
    model.eval()
    logits, mass = [], []
    with torch.no_grad():
        for part in _parts(waves, batch):
            two, share = _answer_logits(model, encoded(processor, text, part, rate), tokens)
            logits.append(two.cpu().numpy())
            mass.append(share.cpu().numpy())
    return Answers(np.concatenate(logits).astype(np.float64), np.concatenate(mass).astype(np.float64))


def _answer_logits(
    model: Any, batch: dict[str, torch.Tensor], tokens: list[int]
) -> tuple[torch.Tensor, torch.Tensor]:
    """(clips, 2) logits and (clips,) probability of both, from a head in float32 whatever the model computes in."""
    base = model.get_base_model() if hasattr(model, "get_base_model") else model
    moved = {name: value.to(base.device) for name, value in batch.items()}
    hidden = base.model(**moved, use_cache=False).last_hidden_state[:, -1].float()
    every = hidden @ base.lm_head.weight.float().T
    return every[:, tokens], torch.softmax(every, dim=1)[:, tokens].sum(dim=1)


def _parts(waves: Waves, batch: int) -> Iterator[Waves]:
    for start in range(0, len(waves), batch):
        yield waves[start : start + batch]
