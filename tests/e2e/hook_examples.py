# SPDX-License-Identifier: Apache-2.0
"""Builds the hooks below examples/ by the commands of their READMEs, and starts them.

Each is built in a copy of its folder below build/examples, which is kept between runs and for all build
presets; what package managers download lies there as well. A language without its tools raises Missing.
"""
import contextlib
import fcntl
import hashlib
import os
import pathlib
import re
import shutil
import subprocess
import tempfile

from harness import BUILD, SOURCE, Hook, wait_until

WORK = SOURCE / "build/examples"
SKIPPED = 77
# Of each language the programs that it needs, and the Debian packages that bring them.
NEEDS = {
    "python": {"/usr/bin/python3": "python3", "/usr/bin/grpc_python_plugin": "protobuf-compiler-grpc"},
    "node": {"node": "nodejs", "npm": "npm"},
    "go": {"go": "golang-go"},
    "java": {"javac": "openjdk-17-jdk-headless", "mvn": "maven"},
    "cpp": {"cmake": "cmake", "c++": "g++"},
    "rust": {"cargo": "cargo", "cc": "gcc"},
}
OFFLINE = re.compile(r"ENOTFOUND|EAI_AGAIN|no such host|dial tcp|name resolution|Name or service not known"
                     r"|Could not transfer artifact|UnknownHost|failed to resolve address|Could not resolve host"
                     r"|NewConnectionError|Connection refused")
OPTIMIZED = {"CARGO_PROFILE_DEV_OPT_LEVEL": "3", "CMAKE_BUILD_TYPE": "Release"}  # others are always
BUILD_DEADLINE = 540  # seconds; Rust from nothing is the longest


class Missing(Exception):
    """A tool of the language is not here, or its registry; the text says which, and what brings it."""


def environment():
    """The shell's, with what is downloaded and compiled kept below build/examples."""
    cache = WORK / "cache"
    return {**os.environ, "PATH": "/usr/lib/go-1.19/bin:" + os.environ["PATH"],  # Debian's Go, if it is there
            "GOTOOLCHAIN": "local", "GOPATH": f"{cache}/go", "GOMODCACHE": f"{cache}/go/mod", "GOCACHE": f"{cache}/gobuild",
            "GOFLAGS": "-modcacherw", "npm_config_cache": f"{cache}/npm", "npm_config_update_notifier": "false",
            "PIP_CACHE_DIR": f"{cache}/pip", "PIP_DISABLE_PIP_VERSION_CHECK": "1",
            "MAVEN_OPTS": f"-Dmaven.repo.local={cache}/maven -XX:TieredStopAtLevel=1",
            "CARGO_HOME": f"{cache}/cargo", "CARGO_PROFILE_DEV_DEBUG": "0"}


def require(language):
    for program, package in NEEDS[language].items():
        if not shutil.which(program, path=environment()["PATH"]):
            raise Missing(f"{language}: {program} is not installed; it comes with: apt-get install {package}")


def block(page, name):
    """The text of a page's only ```name block."""
    (text,) = re.findall(rf"^```{name}\n(.*?)^```$", page.read_text(encoding="utf-8"), re.S | re.M)
    return text


def digest(folders):
    """Of all that git has in the folders, so that what is built of it is built once."""
    names = subprocess.run(["git", "-C", SOURCE, "ls-files", "-co", "--exclude-standard", "--", *folders],
                           capture_output=True, text=True, check=False).stdout.split("\n")
    names = sorted(filter(None, names)) or sorted(
        str(path.relative_to(SOURCE)) for folder in folders for path in (SOURCE / folder).rglob("*") if path.is_file())
    found = hashlib.sha256()
    for name in names:
        if (SOURCE / name).is_file():
            found.update(name.encode() + b"\0" + (SOURCE / name).read_bytes())
    return names, found.hexdigest()


@contextlib.contextmanager
def locked(name):
    """One process at a time works in the folder of that name."""
    WORK.mkdir(parents=True, exist_ok=True)
    with open(WORK / f"{name}.lock", "w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def run(commands, folder, language, **variables):
    """Runs lines of shell; what they print is shown if they fail."""
    variables = {**environment(), "CMAKE_PREFIX_PATH": f"{folder}/sdk", **variables}
    done = subprocess.run(["bash", "-euxc", commands], cwd=folder, env=variables, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=BUILD_DEADLINE, check=False)
    if done.returncode != 0 and OFFLINE.search(done.stdout):
        raise Missing(f"{language}: its package registry could not be reached: {done.stdout[-600:]}")
    if "ensurepip is not available" in done.stdout:
        raise Missing(f"{language}: venv is not installed; it comes with: apt-get install python3-venv")
    if done.returncode != 0:
        raise AssertionError(f"{language}: {commands}\n{done.stdout[-6000:]}")


def build(language, example=None, variant=None, author=None):
    """Builds an example, `examples/LANGUAGE_hook` if none is named, if what it is made of has changed; returns
    its folder. `variant`: which of the page's builds. `author`: a folder whose files are built, optimized, in
    place of the example's of the same names."""
    require(language)
    example = example or f"examples/{language}_hook"
    name = f"{pathlib.Path(example).name}_{variant}" if variant else f"{language}_noop" if author else language
    root = WORK / name
    names, now = digest([example, "proto", *([author] if author else [])])
    if language == "cpp":  # the SDK, as this build has it
        _, sdk = digest(["hooks/sdk", "engine/base", "engine/mail", "proto", "tools/cmake"])
        now = f"{now} {sdk} {BUILD}"
    with locked(name):
        stamp = root / "built"
        if stamp.exists() and stamp.read_text() == now:
            return root / example
        for path in names:
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(SOURCE / path, root / path)
        if author:
            shutil.copytree(SOURCE / author, root / example, dirs_exist_ok=True)
        if language == "cpp":
            shutil.rmtree(root / example / "build", ignore_errors=True)
            run(f"cmake --install {BUILD} --component hook_sdk --prefix {root}/sdk", root, language)
        commands = block(SOURCE / example / "README.md", f"build-{variant}" if variant else "build")
        run(commands, root, language, **(OPTIMIZED if author else {}))
        stamp.write_text(now)
    return root / example


class Example(Hook):
    """A process of a built example, started by the command of its README. `author`: as build() takes it."""

    def __init__(self, language, *arguments, author=None):
        folder = build(language, author=author)
        command = block(folder / "README.md", "run").strip().replace("127.0.0.1:50051", "127.0.0.1:0")
        self.output = tempfile.NamedTemporaryFile("w+", suffix=".hook")
        self.process = subprocess.Popen(["bash", "-c", f'exec env {command} "$@"', "hook", *map(str, arguments)],
                                        cwd=folder, stdin=subprocess.DEVNULL, stdout=self.output,
                                        stderr=subprocess.STDOUT, env=environment())
        self.target = wait_until(f"the {language} hook", self._target)
