from pathlib import Path


def prepare(place: Path, secret: Path) -> None:
    task = place / "task/task.toml"
    task.write_text(task.read_text("utf-8").replace('answer = "{{ verdict }}"', 'answer = "{% if verdict is mapping %}{{ verdict.a.b.c }}{% endif %}{{ verdict }}"'), "utf-8")
    with (place / "task/train.jsonl").open("a", encoding="utf-8") as stream:
        stream.write('{"request": "Ann asks", "verdict": {"x": 1}}\n')
