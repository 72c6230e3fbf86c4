import itertools
import sys
from concurrent.futures import ThreadPoolExecutor

import ftdojo_llm

refused = itertools.count()


def ask(number: int) -> int:
    try:
        return len(ftdojo_llm.ask(f"Word {number}?", model="self", max_tokens=7, temperature=1.5, seed=number))
    except ftdojo_llm.OutOfBudget:
        next(refused)
        return 0


with ThreadPoolExecutor(32) as threads:
    list(threads.map(ask, range(120)))
print(next(refused), "were refused")
sys.exit("there is no end")
