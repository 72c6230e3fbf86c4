from pathlib import Path


def prepare(place: Path, secret: Path) -> None:
    with (place / "task/train.jsonl").open("a", encoding="utf-8") as stream:
        stream.write('{"request": "Ann \\ud83d\\ude00 asks \\u200f\\u05e9\\u05dc\\u05d5\\u05dd \\u6f22", "verdict": "yes", "more": NaN}\n')
    with (place / "task/eval.jsonl").open("a", encoding="utf-8") as stream:
        stream.write('{"request": "Bea \\ud83d\\ude00 asks \\u200f\\u05e9\\u05dc\\u05d5\\u05dd \\u6f22", "verdict": "yes", "more": "\\ud800"}\n')
