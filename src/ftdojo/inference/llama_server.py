"""Serve a GGUF file with llama.cpp's server until standard input ends. Prints the address when the model is loaded.

python -m ftdojo.inference.llama_server FILE CONTEXT SLOTS THREADS
"""

from __future__ import annotations

import sys

MISSING = 3
"""Exit status if the package of the server is not installed."""


def main() -> int:
    """Serve the file of the command line."""
    try:
        import xllamacpp
    except ModuleNotFoundError:
        return MISSING
    file, context, slots, threads = sys.argv[1:]
    params = xllamacpp.CommonParams()
    params.model.path = file
    params.hostnames, params.port = ["127.0.0.1"], 0
    params.n_ctx, params.n_parallel = int(context), int(slots)
    params.kv_unified = False  # each conversation has its own share of the context
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = int(threads)
    # Answers are read as they are, with what a thinking model writes before them.
    params.reasoning_format = xllamacpp.common_reasoning_format.COMMON_REASONING_FORMAT_NONE
    params.ui = False
    server = xllamacpp.Server(params)
    print(server.listening_address, flush=True)  # noqa: T201
    sys.stdin.read()
    return 0


if __name__ == "__main__":
    sys.exit(main())
