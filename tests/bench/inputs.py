"""Inputs of the loads, made from a fixed seed and kept between runs."""
import io
import os
import random
import shutil
import tarfile

MIB = 1 << 20
SEED = 20240101


class Sizes:
    """How large the loads are; quick ones only show that everything works."""

    def __init__(self, quick):
        self.name = "quick" if quick else "full"
        self.steps = 10 if quick else 50
        self.files = 2_000 if quick else 50_000
        self.big_mib = 32 if quick else 1024
        self.written_files = 500 if quick else 6_000
        self.written_mib = 12 if quick else 150
        self.base_files = 500 if quick else 6_000
        self.base_mib = 12 if quick else 120
        self.sleep_s = 1 if quick else 2


def make_words(rng):
    """With as many words, zlib -6 leaves 43 % of the text, about what it leaves of programs and documents."""
    return [("".join(rng.choices("abcdefghijklmnopqrstuvwxyz_", k=rng.randint(2, 10)))
             + ("\n" if rng.random() < 0.1 else " ")).encode() for _ in range(4096)]


def make_text(rng, words, size):
    parts, length = [], 0
    while length < size:
        part = b"".join(rng.choices(words, k=4096))
        parts.append(part)
        length += len(part)
    return b"".join(parts)[:size]


def write(path, content):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as file:
        file.write(content if isinstance(content, bytes) else content.encode())


def make_small_files(directory, count, rng, words):
    pool = make_text(rng, words, 4 * MIB)
    for number in range(count):
        at = rng.randrange(len(pool) - 4096)
        write(f"{directory}/d{number // 100:03}/f{number:05}", pool[at:at + rng.randint(100, 4000)])


def make_big_file(path, mib, rng, words):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as file:
        for number in range(mib):
            file.write(rng.randbytes(MIB) if number % 4 == 0 else make_text(rng, words, MIB))


def make_tar(path, count, mib, rng, words, prefix):
    """A tree of count files, mib in all, a third of them incompressible (programs, pictures)."""
    os.makedirs(os.path.dirname(path), exist_ok=True)
    mean = mib * MIB // count
    text, noise = make_text(rng, words, 8 * MIB), rng.randbytes(4 * MIB)
    with tarfile.open(path, "w", format=tarfile.USTAR_FORMAT) as tar:
        for number in range(count):
            pool = noise if number % 3 == 0 else text
            size = rng.randint(mean // 2, mean * 3 // 2)
            at = rng.randrange(len(pool) - size)
            member = tarfile.TarInfo(f"{prefix}/d{number // 100:03}/f{number:05}")
            member.size, member.mode, member.mtime = size, 0o644, 1_700_000_000
            tar.addfile(member, io.BytesIO(pool[at:at + size]))


def busybox_dockerfile(extra):
    return ('FROM scratch\nCOPY busybox /bin/busybox\nRUN ["/bin/busybox", "--install", "-s", "/bin"]\n'
            "RUN mkdir -p /etc /tmp && chmod 1777 /tmp && echo root:x:0:0:root:/root:/bin/sh >/etc/passwd"
            " && echo root:x:0: >/etc/group\n" + extra)


def make_all(directory, sizes, base_tar, wanted):
    """Makes what `wanted` (names of inputs) asks for and is not there."""
    words = None
    for name in sorted(wanted):
        place = f"{directory}/{name}"
        if os.path.exists(f"{place}/.complete"):
            continue
        shutil.rmtree(place, ignore_errors=True)
        rng = random.Random(f"{SEED} {name}")
        words = words or make_words(random.Random(SEED))
        print(f"making input {name}", flush=True)
        if name in ("files", "files-one"):
            make_small_files(f"{place}/files", sizes.files, rng, words)
        elif name == "big":
            make_big_file(f"{place}/big", sizes.big_mib, rng, words)
        else:
            make_base(place, name, sizes, base_tar, rng, words)
        write(f"{place}/.complete", "")


def make_base(place, name, sizes, base_tar, rng, words):
    """Contexts of base images: small (busybox), os (a distribution's size), usr (os and what usr-like unpacks)."""
    os.makedirs(place)
    extra = ""
    if name != "base-small":
        if base_tar:
            shutil.copy(base_tar, f"{place}/os.tar")
        else:
            make_tar(f"{place}/os.tar", sizes.base_files, sizes.base_mib, rng, words, "usr/share/os")
        extra += "ADD os.tar /\n"
    if name == "base-usr":
        make_tar(f"{place}/payload.tar", sizes.written_files, sizes.written_mib, rng, words, "app")
        extra += "COPY payload.tar /payload.tar\n"
    if name != "base-small" and base_tar:
        write(f"{place}/Dockerfile", "FROM scratch\n" + extra)
    else:
        shutil.copy("/bin/busybox", f"{place}/busybox")
        os.chmod(f"{place}/busybox", 0o755)
        write(f"{place}/Dockerfile", busybox_dockerfile(extra))
