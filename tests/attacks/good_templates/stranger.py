from pathlib import Path


def prepare(place: Path, secret: Path) -> None:
    task = place / "task/task.toml"
    task.write_text(task.read_text("utf-8").replace('prompt = "{{ request }}"', 'prompt = "{% set asked = request %}{% for word in asked.split() %}{{ word }}{{ \' \' if not loop.last }}{% endfor %}"'), "utf-8")
    with (place / "task/train.jsonl").open("a", encoding="utf-8") as stream:
        stream.write('{"request": "Form: Ann asks for more.", "verdict": "yes"}\n')
