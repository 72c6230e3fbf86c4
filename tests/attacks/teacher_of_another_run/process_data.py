import glob
import os
import socket
import sys
import tempfile

import ftdojo_llm

assert ftdojo_llm.models() == ["self"]
reached = []
places = ["@OTHER@/socket", "/llm/../@OTHER@/socket", "/proc/1/root@OTHER@/socket", "/proc/@PID@/root@OTHER@/socket"]
for root in ("", "/proc/*/root"):
    places += glob.glob(f"{root}{tempfile.gettempdir()}/ftdojo-gateway-*/llm/socket")
for place in places:
    try:
        socket.socket(socket.AF_UNIX).connect(place)
        reached.append(place)
    except OSError:
        pass
try:  # the own one, exchanged for a link to the other
    os.unlink("/llm/socket")
    os.symlink("@OTHER@/socket", "/llm/socket")
    reached.append("exchanged")
except OSError:
    pass
if not reached:
    sys.exit("no other socket")
