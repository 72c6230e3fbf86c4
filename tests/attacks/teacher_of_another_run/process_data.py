import glob
import os
import socket
import sys

import ftdojo_llm

assert ftdojo_llm.models() == ["self"]
reached = []
places = ["@OTHER@/socket", "/llm/../@OTHER@/socket", "/proc/1/root@OTHER@/socket", "/proc/@PID@/root@OTHER@/socket"]
places += glob.glob("/tmp/ftdojo-gateway-*/llm/socket") + glob.glob("/proc/*/root/tmp/ftdojo-gateway-*/llm/socket")
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
