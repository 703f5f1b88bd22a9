"""A checkpoint comes back as it was written, or is not there."""

from pathlib import Path

import pytest
import torch

from storage.lenses.checkpoints import read_checkpoint, write_checkpoint


def test_groups_and_facts_come_back(tmp_path: Path) -> None:
    shared = torch.arange(6.0).reshape(2, 3)
    groups = {"weights": {"a": shared, "b.c": torch.tensor(3)}, "best": {"a": shared.T}, "empty": {}}
    facts = {"epoch": 3, "value": 0.1234567890123456, "records": [{"theta_E": [{"n": 0, "auroc": None}]}]}
    write_checkpoint(tmp_path / "x.safetensors", groups, facts)
    found, said = read_checkpoint(tmp_path / "x.safetensors")
    assert said == facts
    assert set(found) == {"weights", "best"}
    assert torch.equal(found["weights"]["a"], shared)
    assert torch.equal(found["best"]["a"], shared.T)
    assert found["weights"]["b.c"].dtype == torch.int64
    first = (tmp_path / "x.safetensors").read_bytes()
    write_checkpoint(tmp_path / "x.safetensors", groups, facts)
    assert (tmp_path / "x.safetensors").read_bytes() == first


def test_a_write_that_fails_leaves_the_last_one(tmp_path: Path) -> None:
    path = tmp_path / "x.safetensors"
    write_checkpoint(path, {"w": {"a": torch.zeros(1)}}, {"epoch": 1})
    with pytest.raises(TypeError):
        write_checkpoint(path, {"w": {"a": torch.ones(1)}}, {"epoch": object()})
    assert read_checkpoint(path)[1] == {"epoch": 1}
    assert [each.name for each in tmp_path.iterdir()] == ["x.safetensors"]
