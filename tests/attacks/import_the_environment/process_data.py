import importlib

module = importlib.import_module("ftdojo")
print(importlib.import_module("ftdojo.tasks").get)
