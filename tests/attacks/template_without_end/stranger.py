from pathlib import Path


def prepare(place: Path, secret: Path) -> None:
    task = place / "task/task.toml"
    task.write_text(task.read_text("utf-8").replace('prompt = "{{ request }}"', 'prompt = "{% for a in range(99999) %}{% for b in range(99999) %}{% for c in range(99999) %}{% endfor %}{% endfor %}{% endfor %}{{ request }}"'), "utf-8")
