import sys
from pathlib import Path

output = Path(sys.argv[sys.argv.index("--output") + 1])

(output / "progress.jsonl").write_text('{"step": 1, "steps": 1, "loss": 0.5}\n')
from safetensors.numpy import load_file, save_file

own = load_file("/model/model.safetensors")
own["model.norm.weight"][0] = float("nan")
save_file(own, output / "model.safetensors")
