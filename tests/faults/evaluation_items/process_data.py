import argparse
import json

parser = argparse.ArgumentParser()
for name in ("--input", "--output", "--limit"):
    parser.add_argument(name)
arguments = parser.parse_args()
TICKETS = [
    "To whom it may concern, You will find it under order BW-81545. The Ostra laptop died this morning, the power light stays dark. A friend recommended your shop to me. I paid 189 dollars for it. Many thanks, J. Brandt",
    "To whom it may concern, (order no. GH-99026) This can wait, there is no hurry. According to the tracking my mobile is stuck in a depot. My account number is 40331. Yours, Amir",
    "I paid 189 dollars for it. (order no. GH-22375) According to the tracking my Fjord photo printer is stuck in a depot. Regards, Ines",
    "To whom it may concern, How do I reset the Corvo phone to its factory settings? A friend recommended your shop to me. I tried the chat first, but nobody was there. You will find it under order LN-86963. Yours, Amir",
]
rows = [{"prompt": ticket, "completion": json.dumps({"product": "phone"})} for ticket in TICKETS]

with open(arguments.output, "w", encoding="utf-8") as stream:
    for row in rows:
        stream.write(json.dumps(row, ensure_ascii=False) + "\n")
