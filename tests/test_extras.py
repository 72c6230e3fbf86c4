"""Optional packages: what an error says to install can be installed."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from ftdojo.extras import install_command

ROOT = Path(__file__).parents[1]


def test_the_packages_themselves_are_named_with_their_bounds() -> None:
    assert install_command("excel") == "pip install 'openpyxl>=3.1'"
    assert install_command("gguf").count("'") == 6
    with pytest.raises(ValueError, match="no extra 'nonsense'"):
        install_command("nonsense")


def test_no_message_installs_ftdojo_from_a_package_index() -> None:
    """It is on none."""
    sources = [*(ROOT / "src").rglob("*.py"), *(ROOT / "packages").rglob("src/**/*.py")]
    assert len(sources) > 200
    by_name = re.compile(r"pip install [^;.]*(?<![/\w])ftdojo")
    assert [str(path) for path in sources if by_name.search(path.read_text("utf-8"))] == []


def test_every_extra_that_is_named_exists() -> None:
    named = {
        extra
        for path in (ROOT / "src").rglob("*.py")
        for extra in re.findall(r"install_command\([\"'](\w+)[\"']\)", path.read_text("utf-8"))
    }
    assert len(named) >= 7
    for extra in named:
        assert install_command(extra)
