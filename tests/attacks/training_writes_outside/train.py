import sys
from pathlib import Path

written = []
places = ["/model", "/job", "/", "/usr", "/etc", sys.prefix, "@SECRET@", "@RUN@", "/output/.."]
for place in places:
    try:
        Path(place, "planted.py").write_text("import os")
        written.append(place)
    except OSError:
        pass
for name in ("/model/config.json", "/job/rows.jsonl", "/job/train.py"):
    try:
        with open(name, "a") as file:
            file.write("\n")
        written.append(name)
    except OSError:
        pass
if not written:
    sys.exit("nothing could be written")
