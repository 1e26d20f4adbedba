#!/usr/bin/env python3
"""Compares `edgestage rehearse` with what the real programs did.

usage: compare-rehearsal.py [--jobs N] [--only N,N…] [-v] EDGESTAGE SITE CHECKOUTS TABLE…

TABLE is tests/fixtures/real/earthly.jsonl or canvos.jsonl. SITE has profiles.toml with a
definition `factory` and `dir = "CanvOS"`, its profiles.lock, and three archives: A.tgz, which
is the locked one, B.tgz and C.tgz. CHECKOUTS has a checkout of CanvOS for each version that the
table names, in a directory of that name. `earthly` and `earth` are in PATH, with a build daemon
each; the wrapper's rows need docker. A row in which the wrapper runs `earth` is only compared
where EARTH_IN_WRAPPER has the variable (NAME=VALUE) that makes it do so. BASE is an image that
the programs can pull, in which RUN works.

Every row is laid out, rehearsed, and compared by the bytes that arrived. Ends with 1 if one
differs. Rows that do not apply are counted, with the reason.
"""
import argparse
import base64
import collections
import concurrent.futures
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile

OVERLAY = "overlay/files-iso/opt/spectrocloud/clusterconfig/spc.tgz"
# The Earthfile of the rows that are not CanvOS's own: its VERSION, arguments and COPY lines.
EARTHFILE = """VERSION --arg-scope-and-set --shell-out-anywhere 0.6
FROM @BASE@
ARG CLUSTERCONFIG
ARG ISO_NAME=edge
iso:
    COPY --if-exists +build-iso/out.txt build/
    SAVE ARTIFACT build/out.txt AS LOCAL ./build/out.txt
build-iso:
    COPY overlay/files-iso/ /overlay/
    IF [ "$CLUSTERCONFIG" != "" ]
        COPY --if-exists "$CLUSTERCONFIG" /overlay/opt/spectrocloud/clusterconfig/spc.tgz
    END
    RUN echo x > out.txt
    SAVE ARTIFACT out.txt
cloud-image:
    COPY --if-exists "$CLUSTERCONFIG" /workdir/spc.tgz
    SAVE ARTIFACT /workdir AS LOCAL ./build/
"""
NAMES = """a.tgz b.tgz sub/b.tgz sub/deep/c.tgz edge[1].tgz edge1.tgz build/x.tgz é.tgz a~b.tgz _u.tgz .h.tgz
1.tgz p+q.tgz ^c.tgz -d.tgz x{y}.tgz q?.tgz a,b.tgz a:b.tgz a@b.tgz a=b.tgz ~t.tgz dir/in.tgz""".split()


def put(root, path, data):
    file = os.path.join(root, path)
    parent = os.path.dirname(file)
    if os.path.isfile(parent):
        os.remove(parent)
    os.makedirs(parent, exist_ok=True)
    if os.path.islink(file):
        os.remove(file)
    with open(file, "wb") as out:
        out.write(data)


def remove(file):
    if os.path.islink(file) or os.path.isfile(file):
        os.remove(file)
    elif os.path.isdir(file):
        shutil.rmtree(file)


class Comparison:
    def __init__(self, options):
        self.options = options
        self.archives = {}
        for letter in "ABC":
            with open(os.path.join(options.site, letter + ".tgz"), "rb") as file:
                self.archives[letter] = file.read()
        with open(os.path.join(options.site, "profiles.toml"), encoding="utf-8") as file:
            self.manifest = file.read()

    def lay_out(self, row):
        site = tempfile.mkdtemp(prefix="compare-rehearsal-", dir=self.options.scratch)
        checkout = os.path.join(site, "CanvOS")
        if "canvos" in row:
            of = os.path.join(self.options.checkouts, row["canvos"])
            shutil.copytree(of, checkout, symlinks=True)
            put(checkout, "spc.tgz", self.archives["A"])
            put(checkout, OVERLAY, self.archives["C"])
            for path, what in row["archives"].items():
                self.put_archive(checkout, path, what)
        else:
            os.makedirs(checkout)
            put(checkout, "Earthfile", EARTHFILE.replace("@BASE@", os.environ["BASE"]).encode())
            put(checkout, "overlay/files-iso/boot/grub2/grub.cfg", b"x")
            for name in NAMES:
                name = name.replace("a~b", "a b")
                put(checkout, name, name.encode() + b"\n")
            put(checkout, "spc.tgz", self.archives["A"])
            put(checkout, OVERLAY, self.archives["A"])
            os.symlink("b.tgz", checkout + "/link.tgz")
            os.symlink("sub", checkout + "/ldir")
        files = [(path, text.replace("@CHECKOUT@", checkout).encode()) for path, text in row.get("files", {}).items()]
        files += [(path, base64.b64decode(text)) for path, text in row.get("files_base64", {}).items()]
        for path, data in files:
            put(checkout, path, data)
        if "setup" in row:
            subprocess.run(["bash", "-c", row["setup"]], cwd=checkout, check=False)
        program = row.get("start") or ("earth" if row["program"] == "earth" else "earthly")
        argv = [program] + [argument.replace("@CHECKOUT@", checkout) for argument in row["args"]]
        build = 'dir = "CanvOS"\nbuild = ' + json.dumps(argv, ensure_ascii=False)
        put(site, "profiles.toml", self.manifest.replace('dir = "CanvOS"', build).encode())
        shutil.copy(os.path.join(self.options.site, "profiles.lock"), site)
        return site, checkout

    def put_archive(self, checkout, path, what):
        file = os.path.join(checkout, path)
        if what.startswith("archive "):
            put(checkout, path, self.archives[what[8:]])
            return
        remove(file)
        if what == "absent":
            return
        os.makedirs(os.path.dirname(file), exist_ok=True)
        if what == "empty directory":
            os.makedirs(file)
        elif what.startswith("link to "):
            os.symlink(what[8:].replace("/workspace", checkout), file)
        else:
            put(checkout, path, b"" if what == "0 bytes" else what.encode())

    def why_not(self, row):
        """Why a row does not apply."""
        if row["cwd"] != ".":
            return "edgestage starts the build in the checkout"
        if row.get("start") == "./earthly.sh" and row["program"] == "earth" and not os.environ.get("EARTH_IN_WRAPPER"):
            return "the wrapper runs earthly here"
        if "+build-all-images" in row["args"] and row["outcome"] == "build-fails":
            return "a target that carries no definition fails"
        if "+iso-disk-image" in row["args"]:
            return "its image is not a file"
        if "/" in (self.argument(row, "ISO_NAME") or "") and row["outcome"] == "build-fails":
            return "a RUN of the Earthfile decides"
        if "RUN sleep 4; false" in row.get("setup", ""):
            return "a RUN of another target decides"
        if row.get("files", {}).get(".earthlyignore") == "certs\n":
            return "a COPY of the Dockerfile decides"
        return None

    def argument(self, row, name):
        lines = [line for line in row.get("files", {}).get(".arg", "").split("\n") if line.startswith(name + "=")]
        return lines[-1].split("=", 1)[1] if lines else None

    def expected(self, row, checkout):
        """The verdict and the digest of what the real programs put into the image."""
        if "canvos" in row:
            outcome = row["outcome"]
            places = {"root": "spc.tgz", "overlay": OVERLAY}
            if outcome in places or outcome.startswith("other:"):
                return self.file(os.path.join(checkout, places.get(outcome, outcome[6:])))
            return outcome, None
        cloud = any("+cloud-image" in argument for argument in row["args"])
        outcome = row["outcome"] if cloud or "iso" not in row else row["iso"]
        if row["outcome"] in ("build-fails", "no-export"):
            outcome = row["outcome"]
        if outcome == "file:an empty file":
            return "empty", None
        if outcome.startswith("file:"):
            name = outcome[5:]
            return self.file(os.path.join(checkout, name))
        if outcome.startswith("no-regular-file"):
            return "directory", None
        return {"no-export": "no-image"}.get(outcome, outcome), None

    def file(self, path):
        with open(path, "rb") as file:
            data = file.read()
        if not data:
            return "empty", None
        locked = data == self.archives["A"]
        return "as-locked" if locked else "another-definition", hashlib.sha256(data).hexdigest()

    def run(self, row):
        why = self.why_not(row)
        if why:
            return "does not apply: " + why, None, None
        site, checkout = self.lay_out(row)
        try:
            expected = self.expected(row, checkout)
            environment = {name: os.environ[name] for name in ("HOME", "PATH") if name in os.environ}
            environment.update({n: v.replace("@CHECKOUT@", checkout) for n, v in row["env"].items()})
            if row.get("start") == "./earthly.sh" and row["program"] == "earth":
                name, value = os.environ["EARTH_IN_WRAPPER"].split("=", 1)
                environment[name] = value
            before = listing(checkout)
            done = subprocess.run(
                [self.options.edgestage, "rehearse", "factory", "--json"],
                cwd=site, env=environment, capture_output=True, check=False,
            )
            if listing(checkout) != before:
                return "THE CHECKOUT WAS CHANGED", done, None
            left = [name for name in os.listdir(site) if name.startswith(".edgestage-rehearsal-")]
            if left:
                return "A COPY WAS LEFT", done, None
            try:
                document = json.loads(done.stdout)
            except ValueError:
                return "NO DOCUMENT", done, (expected, None)
            if not document.get("rehearsal"):
                # Such as for an `.arg` that is a directory.
                refused = document["error"]["code"] in ("input-output", "not-a-checkout")
                if refused and expected[0] != "as-locked" and done.returncode != 0:
                    return "refused before a rehearsal: " + expected[0], done, None
                return "NO REHEARSAL", done, (expected, document.get("error"))
            found = document["rehearsal"][0]
            got = found["verdict"], found["sha256"]
            # There is no file at that path in the ISO, since a link is on the way.
            if os.path.islink(os.path.dirname(os.path.join(checkout, OVERLAY))) and got[0] == "link":
                got = ("nothing", None) if expected[0] == "nothing" else got
            if expected[1] is None:
                got = got[0], None
            if got[0] == "unjudged" and expected[0] != "as-locked":
                return "says that it cannot tell: " + expected[0], done, None
            if got != expected:
                return ("WRONG ALL-CLEAR" if got[0] == "as-locked" else "DIFFERS"), done, (expected, got)
            # In the table, the value of these rows is not that of the target.
            cloud = any("+cloud-image" in argument for argument in row["args"])
            if "value" in row and not cloud and row["outcome"] != "build-fails" and found["clusterconfig"] is not None:
                if found["clusterconfig"]["value"] != row["value"]:
                    return "THE VALUE DIFFERS", done, (row["value"], found["clusterconfig"]["value"])
            clear = done.returncode == 0
            if clear != (expected[0] == "as-locked"):
                return "THE EXIT CODE DIFFERS", done, (expected, done.returncode)
            return "agrees: " + expected[0], done, None
        finally:
            subprocess.run(["chmod", "-R", "u+rwx", site], check=False)
            shutil.rmtree(site, ignore_errors=True)


def listing(root):
    """Every file with its inode, size, mode and times of change."""
    found = []
    for directory, names, files in os.walk(root):
        for name in names + files:
            path = os.path.join(directory, name)
            status = os.lstat(path)
            found.append((path, status.st_ino, status.st_size, status.st_mode, status.st_mtime_ns))
    return sorted(found)


def main():
    parser = argparse.ArgumentParser(usage=__doc__.split("\n")[2][7:])
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--only", default="")
    parser.add_argument("--scratch", default=None)
    parser.add_argument("-v", action="store_true", dest="verbose")
    parser.add_argument("edgestage")
    parser.add_argument("site")
    parser.add_argument("checkouts")
    parser.add_argument("tables", nargs="+")
    options = parser.parse_args()
    options.edgestage = os.path.abspath(options.edgestage)
    comparison = Comparison(options)
    only = {int(number) for number in options.only.split(",") if number}
    wrong = 0
    for table in options.tables:
        with open(table, encoding="utf-8") as file:
            rows = [json.loads(line) for line in file]
        chosen = [(n, row) for n, row in enumerate(rows) if not only or n in only]
        count = collections.Counter()
        with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
            for (number, row), (word, done, pair) in zip(chosen, pool.map(lambda it: comparison.run(it[1]), chosen)):
                count[word] += 1
                bad = word.isupper() or word.startswith(("THE ", "A COPY"))
                wrong += bad
                if bad or options.verbose:
                    name = row.get("name") or row.get("note")
                    print(f"{word}: row {number} ({name}): {row.get('start', '')} {row['program']} {row['args']} {row['env']} {pair or ''}", flush=True)
                    if bad and done:
                        print("    " + done.stderr.decode(errors="replace").strip()[-1500:].replace("\n", "\n    "), flush=True)
        print(f"{os.path.basename(table)}: {len(chosen)} rows")
        for word, number in sorted(count.items()):
            print(f"  {number:4} {word}")
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
