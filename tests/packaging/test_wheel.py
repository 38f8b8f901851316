"""The wheel that users install: built, installed in a clean environment, used from outside the repository."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src" / "warmgraph"

pytestmark = [pytest.mark.wheel, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from the source distribution as an installer would that finds no wheel."""
    target = tmp_path_factory.mktemp("dist")
    _run(sys.executable, "-m", "build", "--no-isolation", "--outdir", target, ROOT, cwd=target)
    (built,) = target.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def python(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The interpreter of an environment that holds the wheel and borrows its dependencies from this one."""
    home = tmp_path_factory.mktemp("clean") / "venv"
    venv.create(home, symlinks=os.name != "nt")
    paths = sysconfig.get_paths(vars={"base": str(home), "platbase": str(home)})
    interpreter = Path(paths["scripts"]) / "python"
    _run(
        *(sys.executable, "-m", "pip", "--python", interpreter, "--disable-pip-version-check"),
        *("install", "--quiet", "--no-deps", "--no-index", wheel),
        cwd=home,
    )
    # A path added by a .pth file is searched last, and .pth files found there are not followed: the editable copy of
    # warmgraph in this environment stays invisible.
    borrowed = sysconfig.get_path("purelib")
    (Path(paths["purelib"]) / "borrowed.pth").write_text(f"{borrowed}\n", encoding="utf-8")
    return interpreter


def test_the_wheel_holds_every_file_of_the_package(wheel: Path) -> None:
    """Modules, `py.typed` and data files are all in the wheel, and nothing else is."""
    with zipfile.ZipFile(wheel) as archive:
        packed = sorted(name for name in archive.namelist() if ".dist-info/" not in name)
    source = sorted(
        file.relative_to(SOURCE.parent).as_posix()
        for file in SOURCE.rglob("*")
        if file.is_file() and "__pycache__" not in file.parts
    )

    assert "warmgraph/py.typed" in packed
    assert source == packed


def test_the_license_travels_along(wheel: Path) -> None:
    """The wheel's metadata names the license and carries its text."""
    with zipfile.ZipFile(wheel) as archive:
        (license_file,) = (name for name in archive.namelist() if name.endswith("/licenses/LICENSE"))
        (metadata,) = (name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))

        assert archive.read(license_file).startswith(b"MIT License")
        assert "License-Expression: MIT" in archive.read(metadata).decode()


def test_the_installed_wheel_imports(python: Path, tmp_path: Path) -> None:
    """Outside the repository the package comes from the wheel, and every public name of it can be imported."""
    code = (
        "import warmgraph, sys; [getattr(warmgraph, name) for name in warmgraph.__all__];"
        "print(warmgraph.__file__.startswith(sys.prefix), warmgraph.__version__)"
    )
    version = _run(sys.executable, "-c", "import warmgraph; print(warmgraph.__version__)", cwd=tmp_path)

    assert f"True {version}" == _run(python, "-c", code, cwd=tmp_path)


def test_the_installed_command_answers(python: Path, tmp_path: Path) -> None:
    """`warmgraph --help` of the wheel lists its commands."""
    shown = _run(python.with_name("warmgraph"), "--help", cwd=tmp_path)

    assert all(command in shown for command in ("chat", "demo", "bench"))


def _run(*command: object, cwd: Path) -> str:
    environment = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "PYTHONHOME")}
    done = subprocess.run(
        [str(part) for part in command], cwd=cwd, env=environment, capture_output=True, text=True, check=False
    )
    assert 0 == done.returncode, done.stdout + done.stderr
    return done.stdout.strip()
