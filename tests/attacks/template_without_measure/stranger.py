from pathlib import Path


def prepare(place: Path, secret: Path) -> None:
    task = place / "task/task.toml"
    task.write_text(task.read_text("utf-8").replace('prompt = "{{ request }}"', 'prompt = "{{ request * 10**10 }}"'), "utf-8")
