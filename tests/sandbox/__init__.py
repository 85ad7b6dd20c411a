"""The whole service on one machine."""

import sys
from pathlib import Path

# The layer is on the path of functions; the sandbox reads the table with the layer's own readers.
sys.path.append(str(Path(__file__).parents[2] / "shared"))
