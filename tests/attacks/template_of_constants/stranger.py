from pathlib import Path


def prepare(place: Path, secret: Path) -> None:
    task = place / "task/task.toml"
    task.write_text(task.read_text("utf-8").replace('prompt = "{{ request }}"', 'prompt = "{% if 9**(9**9) > 1 %}{{ request }}{% endif %}"'), "utf-8")
