"""Pretrained encoders offline: tiny randomly initialised models of the classes that the real ones are of."""

import hashlib
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from methods.images.pretrained_encoder import ARCHITECTURES, Architecture, Pooling, PretrainedEncoder, pooled
from storage.files.inputs import InputError
from storage.heads.vision_models import check_weights, load_vision_model

timm = pytest.importorskip("timm")

TINY: dict[str, dict[str, Any]] = {
    "vit_small_patch16_dinov3.lvd1689m": {"embed_dim": 32, "depth": 2, "num_heads": 2},
    "vit_large_patch16_dinov3.sat493m": {"embed_dim": 32, "depth": 2, "num_heads": 2},
    "vit_base_patch32_clip_quickgelu_224.openai": {"embed_dim": 32, "depth": 2, "num_heads": 2},
}
DINO, SATELLITE, CLIP = TINY
CROPS = np.random.default_rng(0).integers(0, 256, (3, 256, 256, 3), dtype=np.uint8)


def saved(name: str, folder: Path) -> Path:
    """The weights of a tiny model, as a real one's are stored."""
    torch.manual_seed(0)
    model = timm.create_model(name, pretrained=False, **TINY[name])
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.1)
    path = folder / f"{name}.safetensors"
    save_file({key: value.contiguous() for key, value in model.state_dict().items()}, path)
    return path


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("weights")
    return {name: load_vision_model(name, saved(name, folder), TINY[name], "cpu") for name in TINY}


def crops(name: str) -> np.ndarray[Any, np.dtype[np.uint8]]:
    size = ARCHITECTURES[name].size
    return CROPS[:, :size, :size]


def embedded(models: dict[str, Any], name: str, pooling: Pooling) -> np.ndarray[Any, np.dtype[np.float32]]:
    transform = ARCHITECTURES[name].transform("squash", 0.0)
    return PretrainedEncoder(models[name], transform, pooling, "cpu").embed(crops(name))


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_constants_are_those_the_model_was_trained_with(name: str) -> None:
    stated, cfg = ARCHITECTURES[name], timm.models.get_pretrained_cfg(name)
    assert (stated.size, stated.centre) == (cfg.input_size[1], cfg.crop_pct)
    assert (stated.mean, stated.std) == (cfg.mean, cfg.std)
    assert cfg.interpolation == stated.transform("centre", 0.0).interpolation


def test_the_registry_has_all_that_are_named() -> None:
    assert len(ARCHITECTURES) == 9
    satellite = ARCHITECTURES[SATELLITE].transform("squash", 0.0)
    assert (
        satellite.digest != ARCHITECTURES["vit_large_patch16_dinov3.lvd1689m"].transform("squash", 0.0).digest
    )


@pytest.mark.parametrize("name", TINY)
def test_poolings_are_the_class_token_the_patches_mean_and_the_models_own(
    models: dict[str, Any], name: str
) -> None:
    model = models[name]
    stated = ARCHITECTURES[name]
    scaled = torch.from_numpy(crops(name)).float() / 255
    batch = ((scaled - torch.tensor(stated.mean)) / torch.tensor(stated.std)).permute(0, 3, 1, 2)
    with torch.no_grad():
        tokens, own = model.forward_features(batch), model(batch)
    patches = (stated.size // (32 if name == CLIP else 16)) ** 2
    registers = 0 if name == CLIP else 4
    assert tokens.shape[1] == 1 + registers + patches
    expected = {"cls": tokens[:, 0], "patch_mean": tokens[:, 1 + registers :].mean(dim=1), "pooled": own}
    for pooling, values in expected.items():
        found = embedded(models, name, pooling)  # type: ignore[arg-type]
        assert found.dtype == np.float32
        assert np.allclose(found, values.numpy(), atol=1e-5), pooling
    registers_too = tokens[:, 1:].mean(dim=1)
    assert name == CLIP or not torch.allclose(registers_too, expected["patch_mean"], atol=1e-5)


def test_pooled_is_clips_projection(models: dict[str, Any]) -> None:
    assert embedded(models, CLIP, "pooled").shape == (3, 512)
    assert embedded(models, CLIP, "cls").shape == (3, 32)


def test_dinov3_pools_by_the_mean_of_its_patches(models: dict[str, Any]) -> None:
    """timm's choice; the class token, as in the paper, is `cls`."""
    assert np.allclose(embedded(models, DINO, "pooled"), embedded(models, DINO, "patch_mean"), atol=1e-6)


def test_a_crop_is_embedded_the_same_in_any_batch(models: dict[str, Any]) -> None:
    encoder = PretrainedEncoder(models[DINO], ARCHITECTURES[DINO].transform("squash", 0.0), "cls", "cpu")
    together = encoder.embed(crops(DINO))
    assert np.allclose(together[1:2], encoder.embed(crops(DINO)[1:2]), atol=1e-5)


def test_every_weight_comes_from_the_file(models: dict[str, Any], tmp_path: Path) -> None:
    path = saved(DINO, tmp_path)
    again = load_vision_model(DINO, path, TINY[DINO], "cpu")
    assert not again.training
    for (name, one), (_, other) in zip(
        models[DINO].state_dict().items(), again.state_dict().items(), strict=True
    ):
        assert torch.equal(one, other), name
    batch = torch.zeros(1, 3, 256, 256)
    with torch.no_grad():
        assert torch.equal(pooled(models[DINO], batch, "cls"), pooled(again, batch, "cls"))


def test_weights_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    path = saved(DINO, tmp_path)
    with pytest.raises(InputError, match=r"not the weights of vit_base_patch32_clip"):
        load_vision_model(CLIP, path, TINY[CLIP], "cpu")
    path.write_bytes(b"nothing")
    with pytest.raises(InputError, match=r"not the weights of vit_small_patch16_dinov3"):
        load_vision_model(DINO, path, TINY[DINO], "cpu")


def test_missing_or_other_weights_say_what_to_do(tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    with pytest.raises(InputError, match=r"never downloaded. Get model.safetensors of timm/vit_small"):
        check_weights(DINO, path, "0" * 64)
    path.write_bytes(b"weights")
    with pytest.raises(InputError, match=r"params.yaml states 000"):
        check_weights(DINO, path, "0" * 64)
    check_weights(DINO, path, hashlib.sha256(b"weights").hexdigest())


def test_without_the_extra_the_error_names_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "timm", None)
    with pytest.raises(InputError, match="timm, which is not installed; install the extra: encoders"):
        load_vision_model(DINO, tmp_path / "model.safetensors", {}, "cpu")


def test_an_architecture_is_data() -> None:
    assert Architecture(64, 0.5, (0, 0, 0), (1, 1, 1)).transform("centre", 0.2).centre == 0.5
