"""The language models that data programs may call, by the run's rule: none, its base model, or listed ones."""

from __future__ import annotations

from ftdojo.contract.call import SELF, own_model
from ftdojo.contract.configuration import teachers_of
from ftdojo.episode.setting import Setting
from ftdojo.errors import UsageError
from ftdojo.gateway import DataLlm
from ftdojo.inference.own_model import OwnModel


def admit_teachers(setting: Setting, named: DataLlm | None) -> DataLlm | None:
    """Return the models that data programs may call; ``None`` if there are none.

    Args:
        setting: of the run, with the rule and the base model.
        named: the models that the run's owner names, or those of a record that is replayed.

    Raises:
        UsageError: if the rule does not allow them.
    """
    names = named.names if named else {}
    allowed = setting.options.teachers or teachers_of(names)
    if allowed == "self":
        digest = setting.digests["model"]
        if named is None:
            return DataLlm(models={SELF: OwnModel(setting.base, digest)}, concurrency=setting.options.llm_concurrency)
        if names != {SELF: own_model(digest)}:
            raise UsageError(f"--teachers self allows the base model alone, not {names}", fix="name no other model")
    elif any(model.startswith(own_model("")) for model in names.values()):
        raise UsageError("the replayed run asked its own base model", fix="repeat its --teachers self")
    elif allowed == "none" and names:
        raise UsageError(f"--teachers none allows no model, not {names}", fix="write --teachers listed, or name none")
    elif allowed == "listed" and not names:
        raise UsageError("--teachers listed names no model", fix="add --data-llm NAME=PROVIDER:MODEL")
    return named
