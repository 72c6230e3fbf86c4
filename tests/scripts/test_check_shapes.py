"""The check of sizes and names: what it finds, what it exempts, and that exceptions can only shrink."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "scripts" / "check_shapes.py"
LARGE_CLASS = "class Large:\n" + "    x = 1\n" * 200
NINE = ", ".join(f"p{number}" for number in range(9))
NINE_FIELDS = "".join(f"    p{number}: int\n" for number in range(9))


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "scripts").mkdir()
    return tmp_path


def write(root: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")


def found(root: Path, *options: str) -> list[str]:
    """The lines that the check prints, without the places."""
    done = subprocess.run(
        [sys.executable, str(SCRIPT), "--root", str(root), *options], capture_output=True, text=True, check=False
    )
    assert not done.stderr
    lines = [line.partition(" (")[0] for line in done.stdout.splitlines()]
    assert done.returncode == bool(lines)
    return lines


def test_a_class_of_more_than_200_lines_is_found(root: Path) -> None:
    write(root, {"src/p/a.py": LARGE_CLASS, "src/p/b.py": LARGE_CLASS.replace("    x = 1\n", "", 1)})
    assert found(root) == ["class: p.a.Large: 201 lines"]


@pytest.mark.parametrize(
    "source",
    [
        f"class C:\n    def __init__(self, {NINE}): ...\n",
        f"class C:\n    def __init__(self, *, {NINE}): ...\n",
        f"@dataclass\nclass C:\n{NINE_FIELDS}",
        f"@dataclass(frozen=False)\nclass C:\n{NINE_FIELDS}",
        f"@dataclass(frozen=True)\nclass C:\n{NINE_FIELDS}    engine: Engine\n".replace("p8: int", "p8: str"),
        f"class C(BaseModel):\n{NINE_FIELDS}",
    ],
)
def test_a_constructor_of_more_than_8_parameters_is_found(root: Path, source: str) -> None:
    write(root, {"src/p/a.py": source})
    assert [line.rsplit(" ", 2)[0] for line in found(root)] == ["constructor: p.a.C:"]


@pytest.mark.parametrize(
    "source",
    [
        f"class C:\n    def __init__(self, {NINE.replace(', p8', '')}): ...\n",
        f"@dataclass(frozen=True)\nclass C:\n{NINE_FIELDS}",
        f"class C(BaseModel):\n    model_config = ConfigDict(frozen=True)\n{NINE_FIELDS}",
        f"from p.base import Base\nclass C(Base):\n{NINE_FIELDS}",
        f"from p import Base as Root\n@dataclass(frozen=True)\nclass C:\n{NINE_FIELDS}    base: Root | None\n",
        f"from p import base\n@dataclass(frozen=True)\nclass C:\n{NINE_FIELDS}    all: dict[str, base.Kind]\n",
        f"@dataclass(frozen=True)\nclass C:\n{NINE_FIELDS}    parts: 'tuple[C, ...]'\n",
        f"@dataclass\nclass C:\n{NINE_FIELDS.replace('p8: int', 'p8: int = field(init=False)')}",
    ],
)
def test_frozen_data_may_have_more_fields(root: Path, source: str) -> None:
    base = (
        'Kind = Literal["a", "b"]\nclass Base(BaseModel):\n    model_config = ConfigDict(frozen=True)\n    kind: Kind\n'
    )
    write(root, {"src/p/base.py": base, "src/p/__init__.py": "from p.base import Base\n", "src/p/a.py": source})
    assert found(root) == []


def test_a_function_name_in_two_modules_of_one_room_is_found(root: Path) -> None:
    write(
        root,
        {
            "src/p/room/a.py": "def run(): ...\ndef _help(): ...\nclass A:\n    def go(self): ...\n",
            "src/p/room/deep/b.py": "async def run(): ...\ndef _help(): ...\nclass B:\n    def go(self): ...\n",
            "src/p/other.py": "def run(): ...\n",
            "packages/more/src/q/room/a.py": "def run(): ...\n",
        },
    )
    assert found(root) == ["name: p.room: run: 2 modules define it"]


EXCEPTION = '[class]\n"p.a.Large" = { size = 201, reason = "it is split in issue 1" }\n'


def test_an_exception_silences_its_violation_and_no_other(root: Path) -> None:
    write(root, {"scripts/shapes.toml": EXCEPTION, "src/p/a.py": LARGE_CLASS, "src/p/b.py": LARGE_CLASS})
    assert found(root) == ["class: p.b.Large: 201 lines"]
    assert len(found(root, "--all")) == 2


def test_an_exception_can_only_shrink(root: Path) -> None:
    write(root, {"scripts/shapes.toml": EXCEPTION, "src/p/a.py": LARGE_CLASS + "    x = 1\n"})
    assert found(root) == ["class: p.a.Large: 202 lines"]
    write(root, {"src/p/a.py": "class Large: ...\n"})
    assert found(root) == ["class: p.a.Large: its exception is not needed any more; remove it"]


def test_an_exception_needs_a_reason(root: Path) -> None:
    write(root, {"scripts/shapes.toml": EXCEPTION.replace("it is split in issue 1", " "), "src/p/a.py": LARGE_CLASS})
    assert found(root) == ["class: p.a.Large: its exception has no reason"]


def test_a_role_may_be_in_any_number_of_modules(root: Path) -> None:
    write(
        root,
        {
            "scripts/shapes.toml": '[role]\nprompt = { reason = "turns an item into messages" }\n',
            "src/p/room/a.py": "def prompt(): ...\n",
            "src/p/room/b.py": "def prompt(): ...\n",
        },
    )
    assert found(root) == []
    (root / "src/p/room/b.py").unlink()
    assert found(root) == ["role: prompt: its exception is not needed any more; remove it"]
