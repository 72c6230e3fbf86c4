import http.client
import os
import socket
import sys
from pathlib import Path

answered = []
places = ["/llm/socket", "@OTHER@/socket", "/program/socket", *map(str, Path("/").glob("*/socket"))]
places += [value for value in os.environ.values() if value.startswith("/")]
for place in places:
    try:
        connection = http.client.HTTPConnection("gateway")
        connection.sock = socket.socket(socket.AF_UNIX)
        connection.sock.connect(place)
        connection.request("GET", "/v1/models")
        answered.append(connection.getresponse().read())
    except OSError:
        pass
try:
    import ftdojo_llm

    answered.append(ftdojo_llm.models())
except ImportError as error:
    print(error)
if not answered:
    sys.exit("no model answered")
