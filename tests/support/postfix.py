# SPDX-License-Identifier: Apache-2.0
"""smtp-source and smtp-sink of Debian's postfix package: those of this machine, or unpacked into the
build folder, never installed."""
import os
import pathlib
import shutil
import subprocess


def program(name, build):
    """The path of a program and its environment.
    Errors: OSError, subprocess.CalledProcessError if it cannot be had."""
    if found := shutil.which(name):
        return found, dict(os.environ)
    root = pathlib.Path(build) / "postfix"
    path = root / "usr/sbin" / name
    if not path.exists():
        root.mkdir(parents=True, exist_ok=True)
        subprocess.run(["apt-get", "download", "-q", "postfix"], cwd=root, check=True, capture_output=True)
        (package,) = root.glob("postfix_*.deb")
        subprocess.run(["dpkg", "-x", package, root], check=True, capture_output=True)
    return str(path), {**os.environ, "LD_LIBRARY_PATH": str(root / "usr/lib/postfix")}
