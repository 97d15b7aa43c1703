"""What both drivers measure with: a registry, a command timed with its peak memory, a table."""
import os
import socket
import subprocess
import time

import inputs
import tools

MIB = 1 << 20


class Registry:
    """Debian's docker-registry on a free port of the loopback interface."""

    def __init__(self, work):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.name = f"127.0.0.1:{free.getsockname()[1]}"
        config = f"{work}/registry.yml"
        inputs.write(config, f"version: 0.1\nlog: {{level: error, accesslog: {{disabled: true}}}}\n"
                             f"storage: {{filesystem: {{rootdirectory: {work}/registry}}}}\n"
                             f"http: {{addr: \"{self.name}\"}}\n")
        self.log = open(f"{work}/registry.log", "w")
        self.process = subprocess.Popen(["docker-registry", "serve", config], stdout=self.log, stderr=self.log)
        for _ in range(100):
            try:
                socket.create_connection(self.name.split(":"), timeout=1).close()
                return
            except OSError:
                time.sleep(0.1)
        self.stop()
        raise tools.Failed(f"the registry did not start: see {work}/registry.log")

    def stop(self):
        self.process.terminate()
        self.process.wait()
        self.log.close()


def timed(argv, env, log):
    """Wall-clock seconds of the whole process and the peak MiB of its largest process."""
    with open(log, "w+", errors="replace") as output:
        began = time.monotonic()
        process = subprocess.Popen(argv, env=env, stdin=subprocess.DEVNULL, stdout=output, stderr=output)
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.monotonic() - began
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode != 0:
            output.seek(0)
            raise tools.Failed(f"exit {process.returncode}: {tools.last_line(output.read())}")
    return seconds, usage.ru_maxrss / 1024


def print_table(rows):
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for number, cells in enumerate(rows):
        print("  ".join(cell.ljust(width) if column == 0 else cell.rjust(width)
                        for column, (cell, width) in enumerate(zip(cells, widths))).rstrip())
        if number == 0:
            print("  ".join("-" * width for width in widths))
