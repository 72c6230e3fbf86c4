import sys
from pathlib import Path

SUFFIXES = {".safetensors", ".gguf", ".bin", ".pt", ".pth", ".ckpt", ".onnx"}
found = []
for folder in filter(None, [*sys.path[1:], "/usr/share", "@HOME@", "@MODEL@"]):
    for pattern in ("*", "*/*"):
        paths = [path for path in Path(folder).glob(pattern) if path.suffix in SUFFIXES]
        found += [path for path in paths if path.stat().st_size > 1_000_000]
if not found:
    sys.exit("no other model is here")
print(found)
