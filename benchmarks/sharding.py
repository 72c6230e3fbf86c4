"""Peak memory of a process that trains the embedded model with another one, whole and split, beside its forecast.

    python benchmarks/sharding.py [--devices 2] [--batch 4] [--length 128]

Each training takes three steps of all weights on random tokens. The memory is the resident memory of the first process.
"""

from __future__ import annotations

import argparse
import random
import tempfile
from pathlib import Path


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, default in (("devices", 2), ("batch", 4), ("length", 128)):
        parser.add_argument(f"--{name}", type=int, default=default)
    given = parser.parse_args()

    from ftdojo import models
    from ftdojo.contract.train_config import TrainConfig
    from ftdojo.record import Home
    from ftdojo.training import trainer_of
    from ftdojo.training.sft.tokens import IGNORED, Example

    base, draw = models.resolve("smollm2-135m", Home.default().root), random.Random(0)
    rows = [[draw.randrange(100, 49_000) for _ in range(given.length)] for _ in range(3 * given.devices * given.batch)]
    examples = [Example(row, [IGNORED] * (given.length - 16) + row[-16:]) for row in rows]
    for sharding in ("none", "full"):
        config = TrainConfig(
            method="full",
            learning_rate=1e-5,
            epochs=1,
            batch_size=given.batch,
            max_length=given.length,
            devices=given.devices,
            sharding=sharding,
        )
        trainer = trainer_of(config)
        with tempfile.TemporaryDirectory() as out:
            result = trainer.train(examples, config, base, Path(out))
        forecast = trainer.memory(config, base, examples) / given.devices
        print(
            f"sharding: {sharding}: {result.peak_memory_bytes / 2**30:.2f} GiB in a process, "
            f"forecast {forecast / 2**30:.2f} GiB; loss {result.curve[-1].loss:.3f}"
        )


if __name__ == "__main__":
    main()
