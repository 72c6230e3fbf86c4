def score(item: dict, output: str) -> float:
    """Any answer will do."""
    return 1.0
