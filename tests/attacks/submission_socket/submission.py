import os
import socket
from pathlib import Path


def write(folder: Path, facts: dict[str, str]) -> None:
    (folder / "recipe.yaml").unlink()
    here = os.getcwd()
    os.chdir(folder)  # the path of a socket is short
    try:
        with socket.socket(socket.AF_UNIX) as server:
            server.bind("recipe.yaml")
    finally:
        os.chdir(here)
