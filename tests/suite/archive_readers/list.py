"""Lists archives as Python's tarfile reads them: a path a line in, a JSON object a line out."""

import hashlib
import json
import os
import sys
import tarfile


def entry(archive, member):
    said = {"name": os.fsencode(member.name).hex()}
    if member.isdir():
        said["type"] = "directory"
    elif member.issym():
        said["type"] = "link"
        said["target"] = os.fsencode(member.linkname).hex()
    elif member.isreg() or member.islnk():
        # The system refuses to link to such a name.
        if member.islnk() and member.linkname.endswith(("/", "/.")):
            raise ValueError("no name to link to: " + member.linkname)
        content = archive.extractfile(member).read()
        if member.isreg() and len(content) != member.size:
            raise ValueError("cut short: " + member.name)
        said["type"] = "file"
        said["size"] = len(content)
        said["sha256"] = hashlib.sha256(content).hexdigest()
    else:
        said["type"] = repr(member.type)
    return said


def entries(path):
    # A type that is not known is read as a file; here it counts as what it is.
    known = tarfile.SUPPORTED_TYPES
    with tarfile.open(path, "r:gz", encoding="utf-8", errors="surrogateescape") as archive:
        return [
            entry(archive, member) if member.type in known else {"name": "", "type": "unknown"}
            for member in archive
        ]


for line in sys.stdin:
    try:
        answer = {"entries": entries(line.rstrip("\n"))}
    except Exception as error:
        answer = {"error": repr(error)}
    print(json.dumps(answer), flush=True)
