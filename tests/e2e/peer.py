"""Makes a build that cooper has made by Debian's buildah as well, and says where tree and config differ.

    peer.py build [--stdin FILE] ARGUMENT...    the arguments of `cooper build`; adds one JSON line to $PEER_RESULTS
    peer.py report RESULTS [--complete]         one line per build, and the sum; exit status 1 if anything is unexplained

Run by lib.sh after each `cooper build` that succeeded, when COOPER_E2E_PEER is set. cooper's image is the cached result
of the same arguments with another output. peer-differences.txt explains differences and refusals; --complete: all cases
ran, so an explanation that nothing needed is told, too.
"""
import copy, fcntl, hashlib, json, os, re, resource, subprocess, sys

from image_tree import Image, differences, flatten

HERE = os.path.dirname(os.path.abspath(__file__))
# Flags of `cooper build` that take a value: True if buildah's flag of that name means the same.
VALUED = {
    "file": True, "build-arg": True, "build-context": True, "target": True, "label": True, "secret": True, "ssh": True,
    "add-host": True, "shm-size": True, "ulimit": True, "memory": True, "cpu-shares": True, "cpuset-cpus": True,
    "platform": True, "annotation": False, "tag": False, "output": False, "iidfile": False, "metadata-file": False,
    "network": False, "allow": False, "isolation": False, "threads": False, "no-cache-filter": False, "retries": False,
    "progress": False, "call": False, "attest": False, "store-limit": False, "scratch": False}
SHORT = {"f": "file", "t": "tag", "o": "output", "q": "quiet", "m": "memory", "c": "cpu-shares"}
# What the second build of cooper's, which the cache answers, is not given.
NOT_AGAIN = {"tag", "output", "push", "iidfile", "metadata-file", "no-cache", "no-cache-filter", "quiet", "progress",
             "annotation"}
CONFIG = ("User", "Env", "Entrypoint", "Cmd", "WorkingDir", "ExposedPorts", "Volumes", "Labels", "StopSignal", "Shell",
          "Healthcheck", "OnBuild")
# What steps isolated by chroot leave behind, where the image had nothing. What it had must come out the same.
STUBS = re.compile(r"^(\.|etc|etc/hosts|etc/hostname|etc/resolv\.conf|(run|dev|proc|sys)(/.*)?)$")


class Build:
    """The arguments of one `cooper build`, taken apart."""

    def __init__(self, arguments):
        self.flags, self.contexts = [], []  # (name, value or None) each
        rest = iter(arguments)
        for argument in rest:
            if argument == "-" or not argument.startswith("-"):
                self.contexts.append(argument)
                continue
            name, equals, value = argument.lstrip("-").partition("=")
            name = SHORT.get(name, name)
            if not equals:
                value = next(rest) if name in VALUED else None
            self.flags.append((name, value))
        self.context = self.contexts[0]

    def values(self, name):
        return [value for flag, value in self.flags if flag == name]

    def dockerfile(self):
        """The path of the Dockerfile, "-" for standard input, or None if the context is no directory."""
        for path in self.values("file"):
            return path
        for name in ("Dockerfile", "dockerfile", "Containerfile"):
            if os.path.exists(os.path.join(self.context, name)):
                return os.path.join(self.context, name)
        return None

    def singles(self):
        """The same for each target alone, and of several platforms for this machine's only."""
        targets = [one for value in self.values("target") for one in value.split(",")]
        platforms = [one for value in self.values("platform") for one in value.split(",")]
        here = "linux/" + {"x86_64": "amd64", "aarch64": "arm64"}.get(os.uname().machine, os.uname().machine)
        if len(platforms) > 1:
            platforms = [here] if here in platforms else platforms[:1]
        kept = [flag for flag in self.flags if flag[0] not in ("target", "platform")]
        kept += [("platform", platform) for platform in platforms]
        for target in targets or [None]:
            single = copy.copy(self)
            single.flags = kept + ([("target", target)] if target else [])
            yield single

    def again(self):
        words = [self.context]
        for name, value in self.flags:
            if name not in NOT_AGAIN:
                words.append(f"--{name}" if value is None else f"--{name}={value}")
        return words

    def theirs(self, limits, context=None):
        network = "none" if "none" in self.values("network") else "host"
        words = ["--isolation", "chroot", "--network", network, "--format", "docker", "--layers=false", "--pull=false",
                 "--tls-verify=false", "--identity-label=false"]
        # buildah lowers limits to its own defaults first, and raising them again is refused in some virtual machines.
        given = [value.partition("=")[0] for value in self.values("ulimit")]
        words += [word for name, limit in limits.items() if name not in given for word in ("--ulimit", f"{name}={limit}")]
        words += [f"--{name}={value}" for name, value in self.flags if VALUED.get(name)]
        return words + [context or self.context]


def run(command, stdin=None, check=True, timeout=600):
    with open(stdin or os.devnull, "rb") as given:
        done = subprocess.run(command, stdin=given, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=timeout,
                              check=False, text=True, errors="replace")
    if check and done.returncode != 0:
        raise RuntimeError(f"{' '.join(command)}: {done.stderr}")
    return done


class Buildah:
    """A store of its own for the case, with the images that cooper's store holds under the names a build speaks of."""

    def __init__(self, directory):
        self.directory = directory
        self.command = ["buildah", "--root", f"{directory}/containers", "--runroot", f"{directory}/run"]
        os.environ.update(STORAGE_DRIVER="vfs", TMPDIR=f"{directory}/tmp")
        os.makedirs(f"{directory}/tmp", exist_ok=True)

    def __call__(self, *words, **options):
        return run(self.command + list(words), **options)

    def take_over(self, text):
        taken_path = f"{self.directory}/taken.json"
        taken = json.load(open(taken_path)) if os.path.exists(taken_path) else {}
        for line in run([os.environ["COOPER"], "images"]).stdout.splitlines()[1:]:
            name, digest = line.split()[:2]
            repository = name.rpartition(":")[0]
            if taken.get(name) == digest or (text is not None and repository not in text):
                continue
            archive = f"{self.directory}/image.tar"
            run([os.environ["COOPER"], "save", "-o", archive, name])
            image = self("pull", "-q", f"docker-archive:{archive}").stdout.split()[-1]
            first = name.split("/")[0]
            if "." in first or ":" in first and "/" in name or first == "localhost":
                names = [name]
            else:
                names = [f"localhost/{name}", f"docker.io/{name}" if "/" in name else f"docker.io/library/{name}"]
            self("tag", image, *names)
            os.remove(archive)
            taken[name] = digest
        with open(taken_path, "w") as file:
            json.dump(taken, file)
        return taken

    def forget_pulled(self, taken):
        """Tags in a case's registry may have moved by the next build."""
        for line in self("images", "--format", "{{.Name}}:{{.Tag}}").stdout.split():
            if line.startswith("127.0.0.1:") and line not in taken:
                self("rmi", "-f", line, check=False)


def settle(value):
    return value if value not in ({}, [], "", 0) else None


def configs(ours, theirs):
    """Differences of two whole configs, as lines."""
    for key in ("os", "architecture", "variant", "author"):
        if settle(ours.get(key)) != settle(theirs.get(key)):
            yield f"config {key}: {ours.get(key)!r} != {theirs.get(key)!r}"
    ours, theirs = ours.get("config") or {}, theirs.get("config") or {}
    for key in CONFIG:
        a, b = settle(ours.get(key)), settle(theirs.get(key))
        if isinstance(a or b, dict):
            a, b = a or {}, b or {}
            for member in sorted(set(a) | set(b)):
                if settle(a.get(member)) != settle(b.get(member)) or (member in a) != (member in b):
                    yield f"config {key}.{member}: {a.get(member)!r} != {b.get(member)!r}"
        elif a != b:
            order = " order" if key == "Env" and a and b and sorted(a) == sorted(b) else ""
            yield f"config {key}{order}: {a!r} != {b!r}"


def passed_over(line):
    path, found, _ = line.rpartition(": only in the second")
    return bool(found) and STUBS.match(path) is not None


def compared(ours, theirs):
    trees = differences(flatten(ours), flatten(theirs), True, ["."])
    return [line for line in trees if not passed_over(line)] + list(configs(Image(ours).config(), Image(theirs).config()))


def made(build, stdin, directory, limits):
    """The record of one build: what, and equal, refused or different."""
    path = build.dockerfile()
    shown = path or build.context
    if stdin and (path == "-" or build.context == "-"):
        path, shown = stdin, "-"
    elif path:
        shown = os.path.relpath(path)
    text = open(path, errors="surrogateescape").read() if path and os.path.isfile(path) else None
    record = {"case": os.environ["PEER_CASE"], "file": shown, "arguments": " ".join(build.again()), "text": text}
    ours, theirs = f"{directory}/ours", f"{directory}/theirs"
    run(["rm", "-rf", ours, theirs])
    run([os.environ["COOPER"], "build", *build.again(), "-q", "-o", f"type=oci,tar=false,dest={ours}"], stdin=stdin)
    with open(f"{ours}/index.json") as index:
        digest = json.load(index)["manifests"][0]["digest"]
    known_path = f"{directory}/known"
    key = hashlib.sha256(repr((digest, build.again(), text)).encode("utf-8", "surrogateescape")).hexdigest()
    if os.path.exists(known_path) and key in open(known_path).read():
        return None  # the same build of the same things, compared already
    with open(known_path, "a") as known:
        known.write(key + "\n")
    buildah = Buildah(directory)
    taken = buildah.take_over(None if text is None else text + record["arguments"])
    context = None
    if text is not None and "--mount" in text and os.path.isdir(build.context):
        # A mount that may be written to is the context itself there, and thrown away by the reference (MNT-10).
        context = f"{directory}/context"
        run(["rm", "-rf", context])
        run(["cp", "-a", build.context, context])
    done = buildah("build", "-q", *build.theirs(limits, context), stdin=stdin, check=False)
    if done.returncode != 0:
        last = [line for line in done.stderr.splitlines() if line.strip()] or [f"exit status {done.returncode}"]
        verdict = {"verdict": "refused", "reason": last[-1], "output": last[-12:]}
    else:
        image = done.stdout.split()[-1]
        buildah("push", "-q", "-D", image, f"dir:{theirs}")
        found = compared(ours, theirs)
        verdict = {"verdict": "different" if found else "equal", "differences": found}
    if text is None or "127.0.0.1" in text:
        buildah.forget_pulled(taken)
    return record | verdict


def build_command(arguments):
    stdin = None
    if arguments[0] == "--stdin":
        stdin, arguments = arguments[1], arguments[2:]
    build = Build(arguments)
    if build.values("call") or build.values("check"):
        return 0  # nothing is built
    os.umask(0o022)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    limits = {"nofile": f"{soft}:{hard}", "nproc": "32768:32768"}
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))  # ours; steps get what the case has set
    directory = os.environ["WORK"] + "/.peer"
    os.makedirs(directory, exist_ok=True)
    with open(f"{directory}/lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        for single in build.singles():
            try:
                record = made(single, stdin, directory, limits)
            except Exception as failure:  # whatever it is, the report must hold it
                record = {"case": os.environ["PEER_CASE"], "file": build.context, "arguments": " ".join(arguments),
                          "verdict": "failed", "reason": repr(failure)}
            if record:
                with open(os.environ["PEER_RESULTS"], "a") as results:
                    results.write(json.dumps(record) + "\n")
    return 0


class Explanations:
    """peer-differences.txt: blocks of `pattern:` (a regular expression, several are alternatives), `rows:`, `why:`."""

    def __init__(self, path):
        self.blocks = []
        with open(path) as file:
            text = "\n".join(line for line in file.read().split("\n") if not line.startswith("#"))
        for paragraph in filter(None, re.split(r"\n\s*\n", text.strip())):
            block = {"pattern": [], "used": 0}
            for line in paragraph.replace("\n  ", " ").split("\n"):  # indented lines go on
                name, _, value = line.partition(": ")
                if name == "pattern":
                    block["pattern"].append(re.compile(value))
                elif name in ("rows", "why"):
                    block[name] = value
                else:
                    raise ValueError(f"{path}: what is this? {line}")
            if not block["pattern"] or not block.get("rows") or not block.get("why"):
                raise ValueError(f"{path}: a block without pattern, rows or why: {paragraph}")
            self.blocks.append(block)

    def find(self, text):
        for block in self.blocks:
            if any(pattern.search(text) for pattern in block["pattern"]):
                block["used"] += 1
                return block["rows"]
        return None


def lines_of(record):
    """What has to be explained about a build: "case file: line" each."""
    prefix = f"{record['case']} {record['file']}: "
    if record["verdict"] == "refused":
        # RUN's own output stands before the last line; a check that failed is told apart by it.
        return [prefix + "refuses: " + record["reason"]]
    return [prefix + line for line in record.get("differences", [])]


def report(path, complete, table=os.path.join(HERE, "peer-differences.txt")):
    explanations = Explanations(table)
    with open(path) as file:
        records = [json.loads(line) for line in file]
    count, unexplained = {}, []
    for record in records:
        verdict = record["verdict"]
        count[verdict] = count.get(verdict, 0) + 1
        name = f"{record['case']} {record['file']}"
        if verdict in ("equal", "failed"):
            print(f"{name}: {verdict}{' ' + record['reason'] if verdict == 'failed' else ''}")
            if verdict == "failed":
                unexplained.append(f"{name}: {record['reason']}")
            continue
        lines = lines_of(record)
        rows = [explanations.find(line) for line in lines]
        missing = [line for line, row in zip(lines, rows) if row is None]
        known = " ".join(sorted({word for row in rows if row for word in row.split()}))
        what = lines[0].removeprefix(name + ": ")
        print(f"{name}: {what if verdict != 'different' else f'differs in {len(lines)}: {what}'} [{known}]"
              + (" UNEXPLAINED" if missing else ""))
        unexplained += missing
        if missing and verdict == "refused":
            unexplained += ["    " + line for line in record["output"]]
        if missing:
            unexplained.append("    " + record["arguments"])
    print(f"{len(records)} builds: " + ", ".join(f"{number} {verdict}" for verdict, number in sorted(count.items())))
    for line in unexplained:
        print(f"UNEXPLAINED {line}")
    stale = [block for block in explanations.blocks if complete and not block["used"]]
    for block in stale:
        print(f"EXPLAINS NOTHING {block['pattern'][0].pattern}")
    return 1 if unexplained or stale or not records else 0


def main():
    if sys.argv[1] == "build":
        return build_command(sys.argv[2:])
    return report(sys.argv[2], "--complete" in sys.argv)


if __name__ == "__main__":
    sys.exit(main())
