import json
import sys
from pathlib import Path

import numpy
from safetensors.numpy import load_file, save_file

given = {name: Path(value) for name, value in zip(sys.argv[1::2], sys.argv[2::2])}
job = json.loads(given["--job"].read_text("utf-8"))
rows = [json.loads(line) for line in given["--rows"].read_text("utf-8").splitlines()]
assert all(len(row["input_ids"]) == len(row["labels"]) and row["messages"] for row in rows)
random = numpy.random.default_rng(job["seed"])
tensors = load_file(given["--model"] / "model.safetensors")
with open(given["--output"] / "progress.jsonl", "w") as progress:
    for step in (1, 2):
        for tensor in tensors.values():
            tensor += 0.001 * random.normal(size=tensor.shape)
        progress.write(json.dumps({"step": step, "steps": 2, "loss": 1 / step}) + "\n")
        progress.flush()
save_file(tensors, given["--output"] / "model.safetensors")
(given["--output"] / "config.json").write_bytes((given["--model"] / "config.json").read_bytes())
