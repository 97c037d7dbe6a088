# SPDX-License-Identifier: Apache-2.0
"""Debian packages unpacked below the build folder, never installed: a mail server may conflict with the machine's own."""
import fcntl
import pathlib
import subprocess


def unpack(build, name, *packages):
    """The folder `name` below `build`, with the packages and what this machine lacks of those that they need.
    Errors: OSError, subprocess.CalledProcessError if they cannot be had."""
    root = pathlib.Path(build) / name
    root.mkdir(parents=True, exist_ok=True)
    whole = root / "unpacked"
    with (root / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # another test may be at it
        if whole.exists():
            return root
        for old in root.glob("*.deb"):
            old.unlink()
        subprocess.run(["apt-get", "download", "-q", *missing(packages)], cwd=root, check=True, capture_output=True)
        for package in root.glob("*.deb"):
            subprocess.run(["dpkg", "-x", package, root], check=True, capture_output=True)
        whole.touch()
    return root


def missing(packages):
    """The packages, and those that apt would install with them here."""
    plan = subprocess.run(["apt-get", "-s", "-q", "install", "--no-install-recommends", *packages],
                          check=True, capture_output=True, text=True).stdout
    return sorted({*packages, *(line.split()[1] for line in plan.splitlines() if line.startswith("Inst "))})
