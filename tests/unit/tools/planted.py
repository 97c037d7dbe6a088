"""Loads a checker of tools/ and plants files for it in a temporary folder."""
import importlib.util
import pathlib
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[3]


def load(name):
    """Returns tools/NAME.py as a module."""
    spec = importlib.util.spec_from_file_location(name, ROOT / "tools" / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
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
