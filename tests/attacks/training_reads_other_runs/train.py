import sys
from pathlib import Path

output = Path(sys.argv[sys.argv.index("--output") + 1])
PLACES = ["@RUN@", "@HOME@", "@SECRET@", "/proc/@PID@/environ", "/proc/1/root@RUN@"]

found = []
for place in PLACES:
    try:
        found += list(Path(place).rglob("*")) if Path(place).is_dir() else [Path(place).read_bytes()]
    except OSError:
        pass
if not found:
    sys.exit("nothing could be read")
