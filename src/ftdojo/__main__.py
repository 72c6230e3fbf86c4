"""``python -m ftdojo``."""

from ftdojo.cli import main

if __name__ == "__main__":
    main()
