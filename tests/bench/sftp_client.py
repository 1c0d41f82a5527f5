"""Our side of the SFTP benchmark, in a process that holds nothing but the transport: its memory is measured.

Prints one line of JSON; `tests.bench.sftp` starts it.
"""

import json
import resource
import sys
import time
from pathlib import Path

from transports.base import Tools
from transports.sftp import connect


def main() -> None:
    told = json.loads(sys.argv[1])
    near = told["near"]
    began = time.perf_counter()
    with connect(told["settings"], Tools(clock=time.monotonic)) as far:
        for number, file in enumerate(list(far.files())):
            if told["deed"] == "fetch":
                far.fetch(file, Path(near))
                continue
            claimed = far.claim(file, f".feeds-claim-{number}")
            far.fetch(claimed, Path(f"{near}-{number}"))
            far.remove(claimed)
    seconds = time.perf_counter() - began
    megabytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    print(json.dumps({"seconds": seconds, "megabytes": megabytes}))


if __name__ == "__main__":
    main()
