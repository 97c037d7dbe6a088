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
    root = unpack(build)
    return str(root / "usr/sbin" / name), {**os.environ, "LD_LIBRARY_PATH": str(root / "usr/lib/postfix")}


def unpack(build):
    """The folder that the package is unpacked into. Errors: as program."""
    root = pathlib.Path(build) / "postfix"
    if not (root / "usr/lib/postfix/sbin/master").exists():
        root.mkdir(parents=True, exist_ok=True)
        subprocess.run(["apt-get", "download", "-q", "postfix"], cwd=root, check=True, capture_output=True)
        (package,) = root.glob("postfix_*.deb")
        subprocess.run(["dpkg", "-x", package, root], check=True, capture_output=True)
    return root
