"""Loads a checker of tools/ and plants files for it in a temporary folder."""
import importlib.machinery
import importlib.util
import pathlib
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT / "tools"))  # a checker may import another


def load(name):
    """Returns tools/NAME.py, or tools/NAME, as a module."""
    path = ROOT / "tools" / name
    path = path if path.exists() else path.with_suffix(".py")
    loader = importlib.machinery.SourceFileLoader(name, str(path))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader(name, loader))
    loader.exec_module(module)
    return module


class Planted(tempfile.TemporaryDirectory):
    """A folder with `files` {name: text}; as a context its pathlib.Path."""

    def __init__(self, files):
        super().__init__()
        self._files = files

    def __enter__(self):
        root = pathlib.Path(super().__enter__())
        for name, text in self._files.items():
            path = root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        return root
