from pathlib import Path


def prepare(place: Path, secret: Path) -> None:
    task = place / "task/task.toml"
    task.write_text(task.read_text("utf-8").replace('objective = "', 'objective = "\\u001b]0;owned\\u0007\\u001b[2J\\u009b31m\\u202eevil\\u2066'), "utf-8")
    assert "evil" in task.read_text("utf-8")
