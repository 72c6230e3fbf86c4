def score(item: dict, output: str) -> float:
    return float(int(output) == int(item["result"]))
