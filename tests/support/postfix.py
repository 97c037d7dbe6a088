# SPDX-License-Identifier: Apache-2.0
"""smtp-source and smtp-sink of Debian's postfix package: those of this machine, or unpacked into the
build folder, never installed."""
import os
import shutil

import unpacked


def program(name, build):
    """The path of a program and its environment.
    Errors: OSError, subprocess.CalledProcessError if it cannot be had."""
    if found := shutil.which(name):
        return found, dict(os.environ)
    root = unpack(build)
    return str(root / "usr/sbin" / name), {**os.environ, "LD_LIBRARY_PATH": str(root / "usr/lib/postfix")}


def unpack(build):
    """The folder that the package is unpacked into. Errors: as program."""
    return unpacked.unpack(build, "postfix", "postfix")
