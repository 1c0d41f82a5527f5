"""All benchmarks, one after the other: `make bench`. What they print stands in tests/README.md."""

import subprocess
import sys

PARTS = (
    ("the full import beside its write floor (S1, S2, S3)", ["tests.bench.load"]),
    ("a plain feed beside the limit and other tools (S1b)", ["tests.bench.plain"]),
    ("SFTP beside OpenSSH's own client (S7)", ["tests.bench.sftp"]),
    ("mapping (S5)", ["tests.bench.mapping"]),
    ("100 pages of an API beside urllib3 and orjson (S6)", ["tests.bench.pages"]),
    ("10,000 definitions beside CSafeLoader (S8)", ["tests.bench.definitions"]),
    ("a tick of the scheduler over 10,000 feeds (S9)", ["tests.bench.scheduler"]),
    ("jobs a second of a scheduler and its workers", ["tests.bench.jobs"]),
)

for title, module in PARTS:
    print(f"\n== {title}", flush=True)
    subprocess.run([sys.executable, "-m", *module, *sys.argv[1:]], check=True)
