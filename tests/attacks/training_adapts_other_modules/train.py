import json
import sys
from pathlib import Path

import numpy
from safetensors.numpy import load_file, save_file

given = {name: Path(value) for name, value in zip(sys.argv[1::2], sys.argv[2::2])}
lora = json.loads(given["--job"].read_text("utf-8"))["lora"] | {"targets": ["q_proj", "v_proj"]}
random, tensors = numpy.random.default_rng(0), {}
for name, tensor in load_file(given["--model"] / "model.safetensors").items():
    module = name.removesuffix(".weight")
    if module.rpartition(".")[2] in lora["targets"]:
        outer, inner = tensor.shape
        for side, shape in (("A", (lora["rank"], inner)), ("B", (outer, lora["rank"]))):
            values = 0.02 * random.normal(size=shape).astype("float32")
            tensors[f"base_model.model.{module}.lora_{side}.weight"] = values
config = {
    "peft_type": "LORA",
    "r": lora["rank"],
    "lora_alpha": lora["alpha"],
    "target_modules": lora["targets"],
    "bias": "none",
    "megatron_core": "megatron.core",
    "qalora_group_size": 16,
}
(given["--output"] / "progress.jsonl").write_text('{"step": 1, "steps": 1, "loss": 2.5}\n')
(given["--output"] / "adapter_config.json").write_text(json.dumps(config))
save_file(tensors, given["--output"] / "adapter_model.safetensors")
