"""Runs pipelines of processes and says what they took."""

import dataclasses
import os
import statistics
import subprocess
import time


@dataclasses.dataclass(frozen=True)
class Taken:
    """What one run took: wall clock and processor in seconds, the sum of the processes' peaks of memory in MiB."""

    wall: float
    cpu: float
    rss: float
    size: int


def run(pipeline, out, cores=None, env=None):
    """Runs programs that are joined by pipes; the last of them, or the only one, writes the file `out`."""
    out.unlink(missing_ok=True)
    pin = (lambda: os.sched_setaffinity(0, cores)) if cores else None
    began, processes, previous = time.perf_counter(), [], subprocess.DEVNULL
    for number, command in enumerate(pipeline):
        pipe = subprocess.PIPE if number < len(pipeline) - 1 else subprocess.DEVNULL
        process = subprocess.Popen(
            command, stdin=previous, stdout=pipe, preexec_fn=pin, env={**os.environ, **(env or {})}
        )
        if previous is not subprocess.DEVNULL:
            previous.close()
        previous = process.stdout
        processes.append(process)
    cpu = rss = 0.0
    for process in processes:
        # Not `process.wait()`, which tells nothing of what it took.
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            raise SystemExit(f"{process.args[:3]} ended with {process.returncode}")
        cpu += usage.ru_utime + usage.ru_stime
        rss += usage.ru_maxrss / 1024
    return Taken(time.perf_counter() - began, cpu, rss, out.stat().st_size)


def medians(runs):
    """Of each figure; of memory, the most."""
    return Taken(
        statistics.median(run.wall for run in runs),
        statistics.median(run.cpu for run in runs),
        max(run.rss for run in runs),
        runs[-1].size,
    )
