import sys
from pathlib import Path

output = Path(sys.argv[sys.argv.index("--output") + 1])

(output / "progress.jsonl").write_text('{"step": 1, "steps": 1, "loss": 0.5}\n')
import numpy
from safetensors.numpy import load_file, save_file

own = load_file("/model/model.safetensors")
own["model.layers.2.mlp.up_proj.weight"] = own["model.layers.1.mlp.up_proj.weight"].copy()
save_file(own, output / "model.safetensors")
