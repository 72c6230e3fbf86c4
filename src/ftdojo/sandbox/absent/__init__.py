"""Mounted over the package ``ftdojo`` inside the sandbox: an empty folder would still import, as a namespace."""

raise ModuleNotFoundError("ftdojo is not available to sandboxed programs", name="ftdojo")
