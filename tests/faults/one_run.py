"""One run of a scene as a program of its own, as a scheduler would start it.

    python -m tests.faults.one_run SCENE

SCENE is the pickled scene. The exit code is 0 when the run came to its end.
"""

import pickle
import sys
from pathlib import Path

from tests.faults.scene import Scene

if __name__ == "__main__":
    scene: Scene = pickle.loads(Path(sys.argv[1]).read_bytes())  # noqa: S301  the test that starts us wrote it
    scene.run()
