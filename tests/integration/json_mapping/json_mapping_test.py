"""E7: what a language's standard protobuf JSON mapping makes of the typed event, beside the WorkMail
JSON that the engine writes of the same event; and that the few lines between "adapter" and "end" of
mapping.* turn the one into the other, key for key, in its order.

Usage: json_mapping_test.py python|node|go|java FORMS WORK
  FORMS  the program that writes each event in both forms (event_forms.cc)
  WORK   a folder that is kept between runs: compiled code, installed packages
Without the language's tools it says so and is skipped (exit code 77); with CI=true it fails.
"""
import glob
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[2]
PROTOS = ROOT / "proto"
VECTORS = ROOT / "tests/data/wire/json_mapping.json"
SKIPPED = 77
JARS = ("protobuf.jar", "protobuf-util.jar", "gson.jar", "guava.jar")
GO_SOURCE = "/usr/share/gocode"
STEP_DEADLINE = 100  # seconds


class Missing(Exception):
    """A tool of the language is not here; the text says which, and what brings it."""


def run(command, **options):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
                          stdin=subprocess.DEVNULL, timeout=STEP_DEADLINE, **options)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(map(str, command))}\n{done.stdout}")


def need(path, packages):
    """Returns the first file that `path` matches: Debian's own, though another may be first on PATH."""
    found = sorted(glob.glob(path))
    if not found:
        raise Missing(f"{path} is not here; it comes with: apt-get install {packages}")
    return found[0]


def run_python(arguments, _):
    run(["/usr/bin/python3", "-B", HERE / "mapping.py", *arguments])


def run_node(arguments, work):
    node, npm = need("/usr/bin/node", "nodejs"), need("/usr/bin/npm", "npm")
    lock = (HERE / "node/package-lock.json").read_text(encoding="utf-8")
    installed = work / "installed-lock.json"
    if not installed.exists() or installed.read_text(encoding="utf-8") != lock:
        for name in ("package.json", "package-lock.json"):
            shutil.copy(HERE / "node" / name, work)
        try:
            run([npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"], cwd=work)
        except (RuntimeError, subprocess.TimeoutExpired) as error:
            raise Missing(f"npm could not install protobufjs and @bufbuild/protobuf: {error}") from error
        installed.write_text(lock, encoding="utf-8")
    run([node, HERE / "mapping.mjs", *arguments, PROTOS], cwd=work)


def run_go(arguments, work):
    go = need("/usr/lib/go-1.19/bin/go", "golang-go")
    need(GO_SOURCE + "/src/google.golang.org/protobuf", "golang-google-protobuf-dev")
    environment = {**os.environ, "GO111MODULE": "off", "GOPROXY": "off", "GOPATH": GO_SOURCE, "GOFLAGS": "",
                   "GOTOOLCHAIN": "local", "GOCACHE": str(work / "cache"), "GOROOT": ""}
    run([go, "build", "-o", work / "mapping", HERE / "mapping.go"], env=environment)
    run([work / "mapping", *arguments])


def run_java(arguments, work):
    java = need("/usr/lib/jvm/java-17-openjdk-*/bin/java", "openjdk-17-jdk-headless")
    need(java + "c", "openjdk-17-jdk-headless")
    path = ":".join(need(f"/usr/share/java/{jar}", "libprotobuf-java libgoogle-gson-java libguava-java") for jar in JARS)
    source, compiled = HERE / "Mapping.java", work / "Mapping.class"
    if not compiled.exists() or compiled.stat().st_mtime < source.stat().st_mtime:
        run([java + "c", "-cp", path, "-d", work, source])
    run([java, "-XX:TieredStopAtLevel=1", "-cp", f"{path}:{work}", "Mapping", *arguments])


# The program of each language, and the names of the libraries that it shows.
LANGUAGES = {
    "python": (run_python, ["python"]),
    "node": (run_node, ["node-protobufjs", "node-protobuf-es"]),
    "go": (run_go, ["go"]),
    "java": (run_java, ["java"]),
}


def paths(value, prefix=""):
    """Every member of nested objects, "envelope.mailFrom" and the like, in order."""
    found = []
    for key, child in value.items() if isinstance(value, dict) else ():
        found += [prefix + key, *paths(child, f"{prefix}{key}.")]
    return found


def check(language, forms, work):
    program, libraries = LANGUAGES[language]
    vectors = json.loads(VECTORS.read_text(encoding="utf-8"))
    work.mkdir(parents=True, exist_ok=True)
    faults = []
    with tempfile.TemporaryDirectory() as out:
        folder = pathlib.Path(out)
        descriptors = folder / "descriptors"
        run(["protoc", "-I", PROTOS, "--include_imports", "-o", descriptors, "penstock/v1/hook.proto"])
        run([forms, folder])
        program([descriptors, folder, str(len(vectors))], work)
        for number, vector in enumerate(vectors):
            workmail = (folder / f"{number}.workmail.json").read_text(encoding="utf-8")
            print(f"\n{vector['name']}\n  {'WorkMail':18}{workmail}")
            for library in libraries:
                standard = (folder / f"{number}.{library}.standard.json").read_text(encoding="utf-8")
                adapted = (folder / f"{number}.{library}.adapted.json").read_text(encoding="utf-8")
                print(f"  {library:18}{standard}")
                lacks = [path for path in paths(json.loads(workmail)) if path not in paths(json.loads(standard))]
                print(f"  {'':18}lacks: {', '.join(lacks) or 'nothing'}")
                if lacks != vector["want"]:
                    faults.append(f"{vector['name']}: {library} lacks {lacks}, expected {vector['want']}")
                # Compared as text written by one writer: keys in order, false and null and 0 apart.
                if json.dumps(json.loads(adapted)) != json.dumps(json.loads(workmail)):
                    faults.append(f"{vector['name']}: {library}, adapted, is {adapted}")
    return faults


def adapter_lines(name):
    """The lines between "adapter" and "end" of mapping.*, their common indent taken off."""
    text = (HERE / name).read_text(encoding="utf-8")
    lines = re.search(r"^ *(?:#|//) adapter\n(.*?)^ *(?:#|//) end$", text, re.S | re.M).group(1).splitlines()
    indent = min(len(line) - len(line.lstrip(" ")) for line in lines if line)
    return "\n".join(line[indent:] for line in lines)


def undocumented():
    """proto/README.md shows these adapters, and they are the ones that are tested here."""
    page = (PROTOS / "README.md").read_text(encoding="utf-8")
    return [f"proto/README.md does not show the adapter of {name}"
            for name in ("mapping.py", "mapping.mjs") if adapter_lines(name) not in page]


def main():
    language, forms, work = sys.argv[1], sys.argv[2], pathlib.Path(sys.argv[3]).resolve()
    try:
        faults = check(language, forms, work) + undocumented()
    except Missing as missing:
        print(f"SKIPPED: {missing}")
        return 1 if os.environ.get("CI") == "true" else SKIPPED
    print("\n" + ("\n".join(faults) or "every event, adapted, is the WorkMail JSON"))
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
