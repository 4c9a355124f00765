#!/usr/bin/env python3
"""Exports with Ray: each task exports a part of the files, as a complete export of its own in OUT/parts. In the end, one is made of them.

    python export.py PARTS OUT [FLAG...]

OUT is a folder that all nodes see, or a place in a bucket. FLAGs go to "exporter run". Every node needs the program, setpriv (of util-linux), and the
key: in the environment that Ray was started with there, or in a file that --api-key-file names.

TRIES is how often a part is tried (5), and PAUSE how many seconds pass before the second time (30); each further pause is twice as long.
"""

import collections
import heapq
import os
import subprocess
import sys
import time

import ray

TRIES = int(os.environ.get("TRIES", "5"))
PAUSE = float(os.environ.get("PAUSE", "30"))
# No part can succeed: the key or the command line is refused.
HOPELESS = {4, 64}
# A part that may succeed when it is tried again. 137 is what was killed, with its worker or its node, too.
AGAIN = {1, 5, 6, 75, 130, 137}


# Ray would try again at once, and knows nothing of exit codes: the driver does it.
@ray.remote(num_cpus=1, max_retries=0)
def export(part, out, flags):
    """Exports a part and returns the exit code, as a shell counts it."""
    # A worker that ends leaves its children behind. With it, the program is told to end, too: it commits what it has, and the next run of
    # the part does not find it owned.
    program = ["setpriv", "--pdeathsig", "TERM", "exporter", "run", "--part", part, "--out", out, "--partial-ok", "--no-progress", *flags]
    code = subprocess.run(program, check=False).returncode
    return code if code >= 0 else 128 - code


def outcome(task):
    """Returns the exit code of a task that has ended."""
    try:
        return ray.get(task)
    except ray.exceptions.RayError as err:
        print(f"a worker was lost: {type(err).__name__}", file=sys.stderr)
        return 137


def export_all(count, out, flags):
    """Exports all parts, and returns the exit code that makes it hopeless, or 0."""
    due = [(0.0, number) for number in range(count)]
    tries = collections.Counter()
    running = {}
    while due or running:
        while due and due[0][0] <= time.monotonic():
            number = heapq.heappop(due)[1]
            tries[number] += 1
            running[export.remote(f"{number}/{count}", out, flags)] = number
        if not running:
            time.sleep(max(0, due[0][0] - time.monotonic()))
            continue
        ended, _ = ray.wait(list(running), timeout=1)
        for task in ended:
            number, code = running.pop(task), outcome(task)
            if code in HOPELESS:
                return code  # What runs ends with the driver.
            if code in AGAIN and tries[number] < TRIES:
                pause = PAUSE * 2 ** (tries[number] - 1)
                print(f"part {number} ended with exit code {code}, and is tried again in {pause:g} seconds", file=sys.stderr)
                heapq.heappush(due, (time.monotonic() + pause, number))
            elif code != 0:
                print(f"part {number} is given up, with exit code {code}", file=sys.stderr)
    return 0


def main():
    if len(sys.argv) < 3 or not sys.argv[1].isdecimal():
        sys.exit(__doc__)
    count, out, flags = int(sys.argv[1]), sys.argv[2], sys.argv[3:]
    ray.init()
    code = export_all(count, out, flags)
    if code == 0:
        # It says which parts are missing or not complete, and ends with 3 then.
        code = subprocess.run(["exporter", "merge", out], check=False).returncode
    sys.exit(code)


if __name__ == "__main__":
    main()
