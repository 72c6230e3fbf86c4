"""A run whose stored model was exchanged, with a manifest that fits it, is disqualified and says why."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from safetensors.torch import load_file, save_file

from ftdojo.contract.options import RunOptions
from ftdojo.contract.protocol import Observation
from ftdojo.episode import Dojo, run_episode
from ftdojo.record import Home, Ledger
from ftdojo.record.store import describe
from submissions import write_submission

pytestmark = pytest.mark.usefixtures("graded_apart")


class Swapping:
    """Hands in one honest submission; once its model is the best, exchanges the model in the store."""

    name, planner = "swapping", ""

    def __init__(self, folder: Path, stages: Path) -> None:
        self.folder, self.stages = folder, stages

    def propose(self, observation: Observation) -> Path | None:
        if not observation.history:
            return self.folder
        assert observation.best == 1
        (weights,) = self.stages.glob("models/*/model/model.safetensors")
        save_file({n: t * 1.01 for n, t in load_file(weights).items()}, weights, metadata={"format": "pt"})
        manifest = weights.parents[1] / "manifest.json"
        told = json.loads(manifest.read_text())
        manifest.write_text(json.dumps({**told, "files": describe(weights.parents[1])}))
        return None


def test_an_exchanged_model_is_disqualified(tmp_path: Path, approve: Path, tiny_model: Path) -> None:
    home = Home(tmp_path / "home")
    agent = Swapping(write_submission(tmp_path / "submission"), home.stages)
    options = RunOptions(task=str(approve), model=str(tiny_model), agent=agent.name)
    with Dojo(options, tmp_path / "run", home=home) as dojo:
        result = run_episode(dojo, agent)
    assert result.outcome == "disqualified"
    assert "not the one that iteration 1 made" in result.reasons[0]
    assert (result.baseline.test, result.best.test) == (None, None)
    with Ledger(tmp_path / "run", writable=False) as ledger:
        assert ledger.find_broken() is None
        assert not ledger.events("test_opened")
        assert result.ledger == ledger.events()[-2].link
