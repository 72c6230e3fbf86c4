def score(item: dict, output: str) -> float:
    left, right = output.index("<<"), output.index(">>")
    return float(output[left + 2 : right] == str(item["result"]))
