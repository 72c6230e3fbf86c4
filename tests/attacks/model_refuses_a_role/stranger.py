from pathlib import Path


def prepare(place: Path, secret: Path) -> None:
    (place / "model/chat_template.jinja").write_text("{{ raise_exception('no user \\x1b[2J') }}")
