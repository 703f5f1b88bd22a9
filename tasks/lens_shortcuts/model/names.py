"""What the steps call things in the files they hand on: gates, the split of the final gate, states, columns."""

CORE, RADIAL, NETWORK = "core_lr_residual", "radial_lr", "core_network_residual"
QUICK = ("core_lr_raw", CORE, RADIAL, "core_trees_raw", "core_trees_residual", "radial_trees")
FINAL = "val"  # data gates run on the whole of it, once
TRAINED, NOT_REQUIRED, GIVEN, NOT_GIVEN = "trained", "not required", "given", "not given"


def column(radius: float) -> str:
    """Logits with r < radius hidden."""
    return f"r{radius:g}"
