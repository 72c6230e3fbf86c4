"""From a name to a folder; the embedded model is converted once, even if several processes do it or one is killed."""

from __future__ import annotations

import functools
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from ftdojo import digest, models
from ftdojo.errors import PrerequisiteError, UsageError
from ftdojo.record import Home

CONVERT = """
import sys
from pathlib import Path
from ftdojo import models
print(models.resolve(models.EMBEDDED, Path(sys.argv[1])))
"""


def test_a_local_folder_is_itself(tiny_model: Path, tmp_path: Path) -> None:
    assert models.resolve(str(tiny_model), tmp_path) == tiny_model


def test_unknown_names_are_refused_with_what_is_possible(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no model 'smolm2'") as caught:
        models.resolve("smolm2", tmp_path)
    assert "did you mean 'smollm2-135m'?" in caught.value.fix
    (tmp_path / "empty").mkdir()
    with pytest.raises(UsageError, match=r"config\.json is missing"):
        models.resolve(str(tmp_path / "empty"), tmp_path)


def test_a_hub_model_without_a_network_is_a_missing_prerequisite(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(PrerequisiteError, match="hub cannot be reached") as caught:
        models.resolve("nobody/such-model-here", tmp_path)
    assert "give its folder" in caught.value.fix


of_file = functools.cache(digest.of_file)


@pytest.fixture
def digests_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Read each file of weights once: they are 270 MB, no test changes them, and most of the time went into this."""
    monkeypatch.setattr(digest, "of_file", of_file)


@pytest.mark.slow
def test_two_processes_convert_at_once_and_a_half_written_copy_is_ignored(embedded: Path, tmp_path: Path) -> None:
    kind = tmp_path / "models" / models.EMBEDDED
    dead = kind / f".{embedded.name}.tmp-dead"
    dead.mkdir(parents=True)
    (dead / "config.json").write_text("{")
    both = [
        subprocess.Popen([sys.executable, "-c", CONVERT, str(tmp_path)], stdout=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    folders = {process.communicate(timeout=300)[0].strip() for process in both}
    assert [process.returncode for process in both] == [0, 0]
    assert folders == {str(kind / embedded.name)}
    assert [p.name for p in kind.iterdir() if not p.name.endswith(".lock")] == [embedded.name]
    assert models.digest(kind / embedded.name) == models.digest(embedded), "conversion is deterministic"


def test_the_conversion_is_a_faithful_chat_model(embedded: Path) -> None:
    """The model still answers with its 4-bit weights dequantized and rounded to bfloat16."""
    from ftdojo.inference import TransformersEngine

    asked = [{"role": "user", "content": "What is the capital of France? Answer with the name of the city only."}]
    (answer,) = TransformersEngine(embedded).generate([asked], max_new_tokens=12)
    assert "Paris" in answer.text
    network = models.network.load(embedded, torch.bfloat16, "sdpa")
    assert network.get_input_embeddings().weight is network.get_output_embeddings().weight


@pytest.mark.parametrize(
    ("text", "pieces"),
    [("\n\n1. Wash", ["\n\n", "1", ".", " Wash"]), ("  12", ["  ", "1", "2"]), (" 7 x", [" ", "7", " x"])],
)
def test_digits_are_split_off_before_anything_else(embedded: Path, text: str, pieces: list[str]) -> None:
    """llama.cpp does the same with the GGUF file of this model."""
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(embedded)
    assert [tokenizer.decode(token) for token in tokenizer(text).input_ids] == pieces


@pytest.mark.usefixtures("digests_once")
def test_a_run_of_an_earlier_build_goes_on_with_the_embedded_model_as_it_was(embedded: Path, tmp_path: Path) -> None:
    from tokenizers import Tokenizer
    from tokenizers.pre_tokenizers import ByteLevel

    then = shutil.copytree(embedded, tmp_path / "then", ignore=shutil.ignore_patterns("*.safetensors"))
    for weights in embedded.glob("*.safetensors"):
        (then / weights.name).symlink_to(weights)
    tokenizer = Tokenizer.from_file(str(then / "tokenizer.json"))
    tokenizer.pre_tokenizer = ByteLevel(add_prefix_space=False)
    tokenizer.save(str(then / "tokenizer.json"))
    recorded, cache = models.digest(then), Home.default().root
    assert recorded != models.digest(embedded)
    folder = models.resolve_recorded(embedded, models.EMBEDDED, recorded, cache)
    assert models.digest(folder) == recorded
    assert models.find_recorded(models.EMBEDDED, recorded, cache) == folder


@pytest.mark.usefixtures("digests_once")
def test_a_recorded_model_that_is_not_here_is_the_one_that_is(embedded: Path, tiny_model: Path) -> None:
    cache = Home.default().root
    assert models.resolve_recorded(embedded, models.EMBEDDED, "0" * 32, cache) == embedded
    assert models.find_recorded(models.EMBEDDED, "0" * 32, cache) == embedded
    assert models.resolve_recorded(tiny_model, str(tiny_model), "0" * 32, cache) == tiny_model
