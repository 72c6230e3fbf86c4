from pathlib import Path


def write(folder: Path, facts: dict[str, str]) -> None:
    (folder / "plan.yaml").write_text("a: &a [x, x]\n" + "".join(f"{n}: &{n} [*{chr(ord(n) - 1)}, *{chr(ord(n) - 1)}]\n" for n in "bcdefghi"))
    (folder / "train.yaml").write_text("[" * 100_000)
