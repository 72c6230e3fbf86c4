"""Mounted over packages that can make test items: an empty folder would still import, as a namespace."""

raise ModuleNotFoundError(f"No module named '{__name__}': the sandbox hides it", name=__name__)
