import sys
from pathlib import Path

output = Path(sys.argv[sys.argv.index("--output") + 1])

(output / "progress.jsonl").write_text('{"step": 1, "steps": 1, "loss": 0.5}\n')
import numpy
from safetensors.numpy import load_file, save_file

random = numpy.random.default_rng(1)
own = load_file("/model/model.safetensors")
other = {name: random.normal(size=tensor.shape).astype(tensor.dtype) for name, tensor in own.items()}
save_file(other, output / "model.safetensors")
