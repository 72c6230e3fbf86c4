from difflib import SequenceMatcher


def score(item: dict, output: str) -> float:
    """How similar an output is to the verdict."""
    return SequenceMatcher(None, output.strip(), item["verdict"]).ratio()
