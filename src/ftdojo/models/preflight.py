"""Whether a model can be trained and graded, found out before anything is spent."""

from __future__ import annotations

from pathlib import Path

from ftdojo.errors import UsageError
from ftdojo.models import network
from ftdojo.models.chat import Chat
from ftdojo.models.info import describe, headers


def require_trainable(model: Path) -> None:
    """Check that training, export and grading can work on a model: from its configuration and the headers of its files.

    Raises:
        UsageError: if one of them cannot.
    """
    describe(model)
    Chat(model)
    loaded, unused = network.load_shapes(model)
    stored = {name: tensor["shape"] for name, tensor in headers(model).items()}
    written = saved_shapes(loaded)
    tied = set(loaded.all_tied_weights_keys)
    lost = sorted(n for n in stored if stored[n] != written.get(n) and n not in unused and n not in tied)
    gained = sorted(n for n in written if n not in stored and n not in tied)
    if lost or gained:
        raise UsageError(
            f"{type(loaded).__name__} reads the weights in {model} but saves them in another form "
            f"({(lost + gained)[0]}), so a trained model could not be compared with it and graded",
            fix="load it with transformers, save it with save_pretrained, and give that folder",
        )


def saved_shapes(loaded: object) -> dict[str, list[int]]:
    """Return the shapes of the tensors that a model saves, by name."""
    from transformers.core_model_loading import revert_weight_conversion

    saved = revert_weight_conversion(loaded, dict(loaded.state_dict()))  # type: ignore[attr-defined]
    return {name: list(tensor.shape) for name, tensor in saved.items()}
