"""The loads: a context, what is warm before the clock starts, and the budget of the design."""
import dataclasses
import os

import inputs


@dataclasses.dataclass
class Load:
    name: str
    base: str  # input that the base image is made of
    budget_s: float
    buildah_s: float = 0  # what buildah took where the budget was set
    input: str = ""  # input that is the context
    cached: bool = False  # the same build ran before in this store
    layered: bool = False  # the result must have a layer per step (buildah --layers)
    parallel: bool = False  # stages may run side by side (buildah --jobs)
    compression: tuple = ()  # ("gzip", 1)
    limit: str = "gzip"  # what bounds it on one core: a key of run's Limits; "": no work of the processor
    budget_mib: float = 0  # of the output
    push: bool = False  # to the registry, instead of an OCI tar
    base_warm: bool = True
    changes: str = ""  # file of the input that every run writes anew
    dockerfile: object = None  # function of (base reference, sizes)

    def context(self, inputs_dir, scratch):
        return f"{inputs_dir}/{self.input}" if self.input else f"{scratch}/context"

    def write_context(self, directory, inputs_dir, base, sizes, nonce):
        """Writes what differs between loads; the Dockerfile lies in its own directory when files are shared."""
        text = f"FROM {base}\n" if self.dockerfile is None else self.dockerfile(base, sizes)
        inputs.write(f"{directory}/Dockerfile", text)
        inputs.write(f"{directory}/context/hello", "hello\n")
        if self.changes:
            inputs.write(f"{inputs_dir}/{self.input}/{self.changes}", f"changed for {nonce}\n" * 50)
        if self.push:
            inputs.write(f"{directory}/context/hello", f"hello {nonce}\n" * 100)


def hello(base, _):
    return f"FROM {base}\nCOPY hello /hello\nRUN cat /hello >/copy\n"


def steps(base, sizes):
    return f"FROM {base}\n" + "".join(f"RUN echo {n} >/step{n}\n" for n in range(sizes.steps))


def files(base, _):
    return f"FROM {base}\nCOPY files /files\n"


def big(base, _):
    return f"FROM {base}\nCOPY big /big\n"


def usr(base, _):
    return f"FROM {base}\nRUN mkdir -p /opt/app && tar -xf /payload.tar -C /opt/app\n"


def stages(base, sizes):
    text = "".join(f"FROM {base} AS s{n}\nRUN sleep {sizes.sleep_s} && echo {n} >/out{n}\n" for n in range(8))
    return text + f"FROM {base}\n" + "".join(f"COPY --from=s{n} /out{n} /out{n}\n" for n in range(8))


def copy_one(base, _):
    return f"FROM {base}\nCOPY hello /hello\n"


def noop(load, budget_s, buildah_s):
    return dataclasses.replace(load, name=load.name + "-noop", budget_s=budget_s, buildah_s=buildah_s, cached=True,
                               layered=True, limit="hash")


def all_loads():
    one = Load("hello", "base-small", 0.03, 0.38, dockerfile=hello)
    many = Load("steps50", "base-small", 0.35, 11.6, dockerfile=steps, layered=True)
    tree = Load("files50k", "base-small", 0.9, 23, input="files", dockerfile=files)
    large = Load("big1g", "base-small", 6.5, 17, input="big", dockerfile=big, budget_mib=590)
    push = Load("pull-push", "base-os", 0.8, 4.1, dockerfile=copy_one, push=True, base_warm=False)
    return [
        one, noop(one, 0.015, 0.19), many, noop(many, 0.02, 1.4),
        # Before the loads that remove many files, which ext4 keeps the next files waiting for.
        Load("usr-like", "base-usr", 1.3, 5.0, dockerfile=usr),
        tree, noop(tree, 0.12, 28),
        dataclasses.replace(tree, name="files50k-one", input="files-one", changes="files/d000/f00000", cached=True,
                            layered=True),
        large,
        dataclasses.replace(large, name="big1g-gzip1", budget_s=5, budget_mib=610, compression=("gzip", 1),
                            limit="gzip1"),
        dataclasses.replace(large, name="big1g-zstd", budget_s=3.2, budget_mib=560, compression=("zstd", None),
                            limit="zstd"),
        Load("stages8", "base-small", 2.1, dockerfile=stages, parallel=True, limit=""),
        push,
        dataclasses.replace(push, name="pull-push-known", budget_s=0.1, base_warm=True, limit="hash"),
    ]


def output_size(path):
    return os.stat(path).st_size if os.path.exists(path) else 0
