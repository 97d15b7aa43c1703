"""cooper and its peers: how each is prepared and called for a load."""
import json
import os
import resource
import shlex
import shutil
import stat
import subprocess
import tempfile

CONTAINERS_POLICY = {"default": [{"type": "insecureAcceptAnything"}]}


class Failed(Exception):
    pass


def call(argv, env=None):
    """Runs what is not timed; its output matters only when it fails."""
    done = subprocess.run(argv, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace")
    if done.returncode != 0:
        raise Failed(f"{shlex.join(argv)}: exit {done.returncode}: {last_line(done.stdout)}")
    return done.stdout


def last_line(text):
    lines = [line for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else "no output"


def unmount_below(directory):
    """What a failed tool left mounted; a plain user's mounts go with his namespaces."""
    with open("/proc/self/mounts") as table:
        places = [line.split()[1] for line in table]
    for place in reversed(places):
        if place.startswith(directory + "/"):
            call(["umount", "-l", place])


class Job:
    """One run of one load by one tool."""

    def __init__(self, load, sizes, base, context, dockerfile, dest, target):
        self.load, self.sizes, self.base = load, sizes, base
        self.context, self.dockerfile, self.dest, self.target = context, dockerfile, dest, target


class Places:
    """A tool's stores, a new one for each run. Those of earlier runs stay while the disk has room: for minutes after many
    files were removed, ext4 is slow to make others. But they are emptied, so that the next run gets the memory that held
    them: in a virtual machine the first touch of a page may cost ten times what writing it does."""

    PAGE_BYTES = 4096

    def __init__(self, prefix, remove):
        self.prefix, self.remove, self.number = prefix, remove, 0
        self.room = shutil.disk_usage(os.path.dirname(prefix)).free / 2

    def current(self):
        return f"{self.prefix}{self.number}"

    def next(self):
        if shutil.disk_usage(os.path.dirname(self.prefix)).free < self.room:
            self.clear()
        self.empty_files()
        self.number += 1

    def empty_files(self):
        unmount_below(self.current())
        for folder, _, names in os.walk(self.current()):
            for path in (os.path.join(folder, name) for name in names):
                status = os.lstat(path)
                if stat.S_ISREG(status.st_mode) and status.st_size > self.PAGE_BYTES:
                    try:
                        os.truncate(path, 0)
                    except PermissionError:  # of a sub-id
                        pass

    def clear(self):
        for number in range(self.number + 1):
            self.remove(f"{self.prefix}{number}")


class Cooper:
    name = "cooper"

    def __init__(self, work, binary):
        self.binary, self.stores = binary, Places(f"{work}/cooper-store", self.remove)
        self.env = {"PATH": os.environ["PATH"], "HOME": f"{work}/home", "COOPER_ROOT": self.stores.current()}

    def why_not(self):
        return None if os.access(self.binary, os.X_OK) else f"no program at {self.binary}"

    def remove(self, store):
        shutil.rmtree(store, ignore_errors=True)
        if os.path.exists(store):  # files of sub-ids
            call([self.binary, "prune", "--all"], dict(self.env, COOPER_ROOT=store))

    def empty(self):
        self.stores.next()
        self.env["COOPER_ROOT"] = self.stores.current()

    def close(self):
        self.stores.clear()

    def warm_base(self, job):
        warm = os.path.dirname(job.dockerfile) + "/Warm"
        with open(warm, "w") as file:
            file.write(f"FROM {job.base}\nRUN true\n")
        call([self.binary, "build", "--network=host", "-q", "-f", warm, "-t", "warm", os.path.dirname(warm) + "/context"],
             self.env)

    def build(self, job):
        argv = [self.binary, "build", "--pull=false", "--network=host", "-q", "-f", job.dockerfile]
        if job.load.push:
            argv += ["-t", job.target, "--push"]
        else:
            argv += ["-t", "result", "-o", f"type=oci,dest={job.dest}" + compression_options(job)]
        return argv + [job.context], self.env


def compression_options(job):
    if not job.load.compression:
        return ""
    kind, level = job.load.compression
    return f",compression={kind}" + (f",compression-level={level}" if level is not None else "")


class Buildah:
    name = "buildah"

    def __init__(self, work):
        # A short path: it stands once per layer in overlay's mount options, and buildah fails when they pass a page.
        self.short = tempfile.mkdtemp(prefix="b", dir=os.path.dirname(os.path.dirname(work)))
        self.places, self.policy = Places(f"{self.short}/", self.remove), f"{work}/policy.json"
        self.env = dict(os.environ, HOME=f"{work}/home", TMPDIR=f"{work}/tmp")
        self.driver = "overlay"

    def why_not(self):
        if not shutil.which("buildah"):
            return "not installed"
        with open(self.policy, "w") as file:
            json.dump(CONTAINERS_POLICY, file)
        for self.driver in ("overlay", "vfs"):
            try:
                call(self.start() + ["from", "scratch"], self.env)
                return None
            except Failed as failure:
                reason = str(failure)
            finally:
                self.empty()
        return reason

    def note(self):
        return f"storage driver {self.driver}, isolation chroot"

    def start(self):
        place = self.places.current()
        return ["buildah", "--root", f"{place}/r", "--runroot", f"{place}/run", "--storage-driver", self.driver]

    def remove(self, place):
        shutil.rmtree(place, ignore_errors=True)
        if os.path.exists(place):
            call(["buildah", "unshare", "rm", "-rf", place], self.env)

    def empty(self):
        unmount_below(self.short)
        self.places.next()

    def close(self):
        unmount_below(self.short)
        self.places.clear()
        shutil.rmtree(self.short, ignore_errors=True)

    def warm_base(self, job):
        call(self.start() + ["pull", "-q", "--tls-verify=false", "--signature-policy", self.policy, job.base], self.env)

    def build(self, job):
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        tag = job.target if job.load.push else "localhost/result"
        build = self.start() + [
            "build", "-q", "--isolation", "chroot", "--network", "host", "--tls-verify=false", "--signature-policy",
            self.policy, f"--ulimit=nofile={soft}:{hard}", "--ulimit=nproc=32768:32768", "-t", tag, "-f", job.dockerfile]
        if job.load.layered:
            build.append("--layers")
        if job.load.parallel:
            build.append("--jobs=8")
        push = self.start() + ["push", "-q", "--tls-verify=false", "--signature-policy", self.policy]
        if job.load.compression:
            kind, level = job.load.compression
            push.append(f"--compression-format={kind}")
            if level is not None:
                push.append(f"--compression-level={level}")
        push += [tag] if job.load.push else [tag, f"oci-archive:{job.dest}"]
        return ["sh", "-c", f"{shlex.join(build + [job.context])} >/dev/null && {shlex.join(push)}"], self.env


class BuildKit:
    """buildctl and docker buildx: the daemon runs before the clock starts, so it is always warm."""

    def __init__(self, name, work, may_prune):
        self.name, self.work, self.may_prune = name, work, may_prune
        self.env = dict(os.environ)
        self.program = "docker" if name == "buildx" else "buildctl"

    def why_not(self):
        if not shutil.which(self.program):
            return "not installed"
        try:
            call([self.program, "buildx", "inspect"] if self.name == "buildx" else
                 ["buildctl", "--timeout", "3", "debug", "workers"], self.env)
            place = f"{self.work}/probe"
            os.makedirs(f"{place}/context", exist_ok=True)
            for name in ("Dockerfile", "context/f"):
                with open(f"{place}/{name}", "w") as file:
                    file.write("FROM scratch\nCOPY f /f\n")
            call(self.command(f"{place}/context", f"{place}/Dockerfile", f"type=oci,dest={place}/out"), self.env)
        except Failed as failure:
            return str(failure)
        return None

    def command(self, context, dockerfile, output, cached=True):
        fresh = [] if cached else ["--no-cache"]
        if self.name == "buildx":
            return ["docker", "buildx", "build", "--progress=quiet", "--network=host", "--allow=network.host", *fresh,
                    "-f", dockerfile, f"--output={output}", context]
        return ["buildctl", "build", "--progress=plain", "--frontend=dockerfile.v0", "--local", f"context={context}",
                "--local", f"dockerfile={os.path.dirname(dockerfile)}", "--allow=network.host",
                "--opt=force-network-mode=host", *fresh, f"--output={output}"]

    def empty(self):
        """A daemon's cache is not ours to drop unasked; --no-cache stands in where the base may be warm."""

    def close(self):
        """Nothing of a daemon's is ours."""

    def forget_all(self):
        if not self.may_prune:
            raise Failed("needs an empty daemon: --prune-daemons")
        call(["docker", "buildx", "prune", "-af"] if self.name == "buildx" else ["buildctl", "prune", "--all"], self.env)

    def warm_base(self, job):
        argv, _ = self.build(job)
        call(argv, self.env)

    def build(self, job):
        output = (f"type=image,name={job.target},push=true,registry.insecure=true" if job.load.push else
                  f"type=oci,dest={job.dest}{compression_options(job)}")
        return self.command(job.context, job.dockerfile, output, job.load.cached or job.load.push), self.env


def find_tools(work, binary, may_prune):
    return [Cooper(work, binary), Buildah(work), BuildKit("buildctl", work, may_prune),
            BuildKit("buildx", work, may_prune)]
