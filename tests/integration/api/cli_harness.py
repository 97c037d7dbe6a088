"""The real `penstock`, and the admin services without a daemon around them.

A test runs as: NAME_test.py PENSTOCK ADMIN_TEST_SERVER DATA_FOLDER [TEST...]
"""
import os
import subprocess
import sys
import tempfile
import unittest

PENSTOCK, SERVER, DATA = (os.path.abspath(path) for path in sys.argv[1:4])


class Daemon:
    """The test server on a socket in a folder of its own."""

    def __init__(self, *options, path=None):
        self.folder = tempfile.TemporaryDirectory(prefix="pen")
        self.socket = str(path or os.path.join(self.folder.name, "run", "admin.sock"))
        self.process = subprocess.Popen(
            [SERVER, self.socket, self.folder.name, *options], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.ready = self.process.stdout.readline() == "ready\n"

    def __enter__(self):
        if not self.ready:
            raise AssertionError(self.process.stderr.read())
        return self

    def __exit__(self, *_):
        self.stop()

    def stop(self):
        """Ends it and returns its exit code and what it complained about."""
        _, complaints = self.process.communicate(timeout=30)
        self.folder.cleanup()
        return self.process.returncode, complaints

    def run(self, *words, **environment):
        return run(*words, PENSTOCK_SOCKET=self.socket, **environment)


def run(*words, stdin="", cwd=None, **environment):
    return subprocess.run(
        [PENSTOCK, *words], input=stdin, capture_output=True, text=True, timeout=60, cwd=cwd,
        env={"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8", **environment}, check=False)


def main():
    unittest.main(argv=[sys.argv[0]] + sys.argv[4:])
