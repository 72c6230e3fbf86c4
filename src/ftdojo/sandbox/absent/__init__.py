"""Mounted over packages that can generate test items: an empty folder could still be imported, as a namespace."""

raise ModuleNotFoundError(f"No module named '{__name__}': the sandbox hides it", name=__name__)
