"""Errors of places where nothing can be written: what is there instead is named."""

from __future__ import annotations

from pathlib import Path

import pytest

from ftdojo.disk import disk_errors
from ftdojo.errors import UsageError
from ftdojo.files import write_file


@pytest.mark.parametrize("name", ["table.csv", "table.csv/below", "table.csv/far/below"])
def test_a_file_in_the_place_of_a_folder(tmp_path: Path, name: str) -> None:
    (tmp_path / "table.csv").touch()
    with pytest.raises(UsageError, match=r"table\.csv is a file, not a folder"), disk_errors(tmp_path / name):
        (tmp_path / name).mkdir(parents=True, exist_ok=True)


def test_a_folder_in_the_place_of_a_file(tmp_path: Path) -> None:
    (tmp_path / "models").mkdir()
    with pytest.raises(UsageError, match="models is a folder, not a file"), disk_errors(tmp_path / "models"):
        write_file(tmp_path / "models", "text")
    assert list(tmp_path.iterdir()) == [tmp_path / "models"]


def test_no_folder_for_a_file(tmp_path: Path) -> None:
    path = tmp_path / "nowhere/page.html"
    with pytest.raises(UsageError, match=r"there is no folder .*nowhere"), disk_errors(path):
        write_file(path, "text")


def test_what_is_missing_elsewhere_is_no_fault_of_the_place(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), disk_errors(tmp_path / "page.html"):
        (tmp_path / "other").read_text()
