import os
import socket

refused = 0
paths = ("@SECRET@/socket", "/var/run/docker.sock", "/run/dbus/system_bus_socket", "/run/systemd/private", "/llm/socket")
for path in paths:
    try:
        socket.socket(socket.AF_UNIX).connect(path)
    except FileNotFoundError:
        refused += 1
if refused == len(paths):
    raise SystemExit("no socket found")
