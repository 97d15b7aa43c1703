"""Flattens images (OCI layout directories, OCI or docker archives, `dir:` of skopeo) and compares the trees. Also taken:
tar:FILE, a tar of one tree, and tree:DIRECTORY, one that lies unpacked.

    image_tree.py list IMAGE
    image_tree.py config IMAGE
    image_tree.py compare IMAGE IMAGE [--ignore-mtime] [--except PATTERN]...

Exit status: 0 equal, 1 different (one line per difference), 2 the input can't be read. What is compared: type, mode with
set-id bits, owners, size and content, link text, device numbers, hard-link groups, security.capability and other xattrs,
and times unless told not to.
"""
import argparse, fnmatch, gzip, hashlib, io, json, os, stat, subprocess, sys, tarfile


class Image:
    """An opened layout: blobs by digest."""

    def __init__(self, path):
        self.path, self.tar = path, None
        self.flat = os.path.exists(os.path.join(path, "version"))  # dir: has blobs by value beside manifest.json
        if not os.path.isdir(path):
            self.tar = tarfile.open(path)
            self.members = {m.name.lstrip("./"): m for m in self.tar.getmembers()}

    def read(self, name):
        if self.tar is None:
            with open(os.path.join(self.path, name), "rb") as file:
                return file.read()
        return self.tar.extractfile(self.members[name]).read()

    def blob(self, digest):
        algorithm, value = digest.split(":")
        data = self.read(value if self.flat else f"blobs/{algorithm}/{value}")
        if hashlib.sha256(data).hexdigest() != value:
            raise ValueError(f"blob {digest} does not match its name")
        return data

    def manifest(self):
        if self.flat:
            return json.loads(self.read("manifest.json"))
        entry = json.loads(self.read("index.json"))["manifests"][0]
        document = json.loads(self.blob(entry["digest"]))
        while "manifests" in document:
            document = json.loads(self.blob(document["manifests"][0]["digest"]))
        return document

    def config(self):
        return json.loads(self.blob(self.manifest()["config"]["digest"]))


def decompress(data):
    if data[:2] == b"\x1f\x8b":
        return gzip.decompress(data)
    if data[:4] == b"\x28\xb5\x2f\xfd":
        return subprocess.run(["zstd", "-dc"], input=data, stdout=subprocess.PIPE, check=True).stdout
    return data


def remove(tree, path):
    for known in [p for p in tree if p == path or p.startswith(path + "/")]:
        del tree[known]


def row_of(archive, member):
    kinds = {tarfile.REGTYPE: "file", tarfile.AREGTYPE: "file", tarfile.DIRTYPE: "dir", tarfile.SYMTYPE: "symlink",
             tarfile.CHRTYPE: "char", tarfile.BLKTYPE: "block", tarfile.FIFOTYPE: "fifo", tarfile.GNUTYPE_SPARSE: "file"}
    row = {"type": kinds[member.type], "mode": member.mode & 0o7777, "uid": member.uid, "gid": member.gid,
           "mtime": int(member.mtime)}
    if row["type"] == "file":
        data = archive.extractfile(member).read()
        row.update(size=len(data), sha256=hashlib.sha256(data).hexdigest())
    if row["type"] == "symlink":
        row.update(target=member.linkname, mode=0o777)
    if row["type"] in ("char", "block"):
        row["device"] = (member.devmajor, member.devminor)
    row["xattrs"] = {k[len("SCHILY.xattr."):]: v.encode("utf-8", "surrogateescape").hex()
                     for k, v in member.pax_headers.items() if k.startswith("SCHILY.xattr.")}
    return row


def apply_layer(tree, data):
    archive = tarfile.open(fileobj=io.BytesIO(decompress(data)))
    members = archive.getmembers()
    for member in members:  # whiteouts act on what is below, wherever they stand in the layer
        directory, name = os.path.split(member.name.rstrip("/").removeprefix("./"))
        if name == ".wh..wh..opq":
            for known in [p for p in tree if p.startswith(directory + "/")]:
                del tree[known]
        elif name.startswith(".wh."):
            remove(tree, os.path.join(directory, name[4:]))
    for member in members:
        path = member.name.rstrip("/").removeprefix("./").lstrip("/")
        if os.path.basename(path).startswith(".wh."):
            continue
        if path in ("", "."):
            path = "."
        if member.type == tarfile.LNKTYPE:
            leader = member.linkname.removeprefix("./").lstrip("/")
            row = tree[leader]
            row.setdefault("links", {leader}).add(path)
            if path in tree and tree[path] is not row:
                remove(tree, path)
            tree[path] = row
            continue
        row = row_of(archive, member)
        if path in tree and (row["type"] != "dir" or tree[path]["type"] != "dir"):
            remove(tree, path)
        tree[path] = row


def row_of_file(path, status):
    kinds = {stat.S_IFREG: "file", stat.S_IFDIR: "dir", stat.S_IFLNK: "symlink", stat.S_IFCHR: "char", stat.S_IFBLK: "block",
             stat.S_IFIFO: "fifo"}
    row = {"type": kinds[stat.S_IFMT(status.st_mode)], "mode": stat.S_IMODE(status.st_mode), "uid": status.st_uid,
           "gid": status.st_gid, "mtime": status.st_mtime_ns // 10**9}
    if row["type"] == "file":
        with open(path, "rb") as file:
            row.update(size=status.st_size, sha256=hashlib.file_digest(file, "sha256").hexdigest())
    if row["type"] == "symlink":
        row["target"] = os.readlink(path)
    if row["type"] in ("char", "block"):
        row["device"] = (os.major(status.st_rdev), os.minor(status.st_rdev))
    row["xattrs"] = {name: os.getxattr(path, name, follow_symlinks=False).hex()
                     for name in os.listxattr(path, follow_symlinks=False)
                     if name == "security.capability" or name.startswith("user.")}
    return row


def read_directory(tree, top):
    inodes = {}
    for directory, names, files in os.walk(top):
        for name in names + files:
            path = os.path.join(directory, name)
            status = os.lstat(path)
            row = inodes.setdefault(status.st_ino, None) or row_of_file(path, status)
            if row["type"] != "dir":
                inodes[status.st_ino] = row
            tree[os.path.relpath(path, top)] = row


def flatten(path):
    tree = {}
    if path.startswith("tree:"):
        read_directory(tree, path[len("tree:"):])
    elif path.startswith("tar:"):
        with open(path[len("tar:"):], "rb") as file:
            apply_layer(tree, file.read())
    else:
        image = Image(path)
        for layer in image.manifest()["layers"]:
            apply_layer(tree, image.blob(layer["digest"]))
    for row in {id(r): r for r in tree.values()}.values():
        names = sorted(p for p, r in tree.items() if r is row)
        row["links"] = names if len(names) > 1 else []
    return tree


def differences(left, right, ignore_mtime, patterns):
    def skipped(path):
        return any(fnmatch.fnmatch(path, p) for p in patterns)

    for path in sorted(set(left) | set(right)):
        if skipped(path):
            continue
        if path not in left or path not in right:
            yield f"{path}: only in {'the second' if path not in left else 'the first'}"
            continue
        for key in sorted(set(left[path]) | set(right[path])):
            if ignore_mtime and key == "mtime":
                continue
            a, b = left[path].get(key), right[path].get(key)
            if a != b:
                yield f"{path}: {key}: {a!r} != {b!r}"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    listing = commands.add_parser("list")
    listing.add_argument("image")
    config = commands.add_parser("config")
    config.add_argument("image")
    compare = commands.add_parser("compare")
    compare.add_argument("first")
    compare.add_argument("second")
    compare.add_argument("--ignore-mtime", action="store_true")
    compare.add_argument("--except", dest="patterns", action="append", default=[])
    arguments = parser.parse_args()
    if arguments.command == "list":
        for path, row in sorted(flatten(arguments.image).items()):
            print(path, json.dumps(row, sort_keys=True, default=list))
        return 0
    if arguments.command == "config":
        print(json.dumps(Image(arguments.image).config()))
        return 0
    found = list(differences(flatten(arguments.first), flatten(arguments.second), arguments.ignore_mtime,
                             arguments.patterns))
    print("\n".join(found) if found else "equal")
    return 1 if found else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (OSError, ValueError, KeyError, tarfile.TarError) as failure:
        print(f"image_tree: {failure}", file=sys.stderr)
        sys.exit(2)
