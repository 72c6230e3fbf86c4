"""The language models that data programs may call, by the run's rule: none, its base model, or listed ones."""

from __future__ import annotations

from ftdojo.contract.call import SELF, is_own_model, own_model
from ftdojo.contract.configuration import teachers_of
from ftdojo.contract.options import require_allowed
from ftdojo.episode.own_models import serve_base
from ftdojo.episode.setting import Setting
from ftdojo.errors import UsageError
from ftdojo.gateway import DataLlm


def admit_teachers(setting: Setting, named: DataLlm | None) -> DataLlm | None:
    """Return the models that data programs may call; ``None`` if there are none.

    Args:
        setting: of the run, with the rule and the base model.
        named: the models that the run's owner names, or those of a record that is replayed.

    Raises:
        UsageError: if the rule does not allow them.
    """
    names = named.names if named else {}
    rule, digest = setting.options.teachers or teachers_of(names), setting.digests["model"]
    if rule == "self" and named is None:
        return DataLlm(models={SELF: serve_base(setting)}, concurrency=setting.options.llm_concurrency)
    if rule == "self" and names == {SELF: own_model(digest)}:  # the record of such a run
        return named
    if rule != "self" and any(map(is_own_model, names.values())):
        raise UsageError("the replayed run asked its own base model", fix="repeat its --teachers self")
    require_allowed(rule, names)
    return named
