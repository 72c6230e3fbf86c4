from pathlib import Path


def prepare(place: Path, secret: Path) -> None:
    task = place / "task/task.toml"
    task.write_text(task.read_text("utf-8").replace('prompt = "{{ request }}"', 'prompt = "{% set n = namespace(x=request) %}{% for i in range(60) %}{% set n.x = n.x ~ n.x %}{% endfor %}{{ n.x }}"'), "utf-8")
