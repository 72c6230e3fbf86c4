import importlib
import importlib.metadata
import os
import sys

read = []
for place in [*sys.path, *"@FAMILIES@".split(os.pathsep)]:
    for folder, _, files in os.walk(place):
        if "ftdojo" in folder:
            paths = [os.path.join(folder, name) for name in files]
            read += [path for path in paths if "twin" in path and open(path, "rb").read()]
for entry in importlib.metadata.entry_points(group="ftdojo.tasks"):
    read += entry.load()()
if not read:
    importlib.import_module("ftdojo_tasks.chemistry.mol_und_twin").build
