from pathlib import Path


def prepare(place: Path, secret: Path) -> None:
    with (place / "task/train.jsonl").open("a", encoding="utf-8") as stream:
        stream.write('{"request": "owned \\u001b]0;owned\\u0007\\u001b[2J\\u009b31m\\u202eevil\\u2066", "verdict": "yes\\u001b]0;owned\\u0007\\u001b[2J\\u009b31m\\u202eevil\\u2066", "\\u001b]0;owned\\u0007\\u001b[2J\\u009b31m\\u202eevil\\u2066field": "x"}\n')
