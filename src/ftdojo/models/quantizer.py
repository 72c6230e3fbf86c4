"""Quantize a GGUF file with llama.cpp's library. Run as a program, because a failure there ends the process.

python -m ftdojo.models.quantizer LIBRARY SOURCE OUT FTYPE
"""

from __future__ import annotations

import ctypes
import os
import sys


class _Params(ctypes.Structure):
    """``llama_model_quantize_params`` of llama.h: its first two fields, and room for the others, which differ between
    versions and keep the defaults that the library itself fills in."""

    _fields_ = (("nthread", ctypes.c_int32), ("ftype", ctypes.c_int), ("others", ctypes.c_char * 1016))


def main() -> int:
    """Quantize the file of the command line; return 0 if it was written."""
    library, source, out, ftype = sys.argv[1:]
    llama = ctypes.CDLL(library)
    llama.llama_model_quantize_default_params.restype = _Params
    llama.llama_model_quantize.argtypes = [ctypes.c_char_p, ctypes.c_char_p, ctypes.POINTER(_Params)]
    llama.llama_model_quantize.restype = ctypes.c_uint32
    params = llama.llama_model_quantize_default_params()
    params.nthread, params.ftype = os.cpu_count() or 1, int(ftype)
    return int(llama.llama_model_quantize(os.fsencode(source), os.fsencode(out), ctypes.byref(params)))


if __name__ == "__main__":
    sys.exit(main())
