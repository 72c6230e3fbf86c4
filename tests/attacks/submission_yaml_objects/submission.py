from pathlib import Path


def write(folder: Path, facts: dict[str, str]) -> None:
    (folder / "plan.yaml").write_text("!!python/object/apply:os.system ['touch " + facts["SECRET"] + "/owned']\n")
