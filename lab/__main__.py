"""`python -m lab`: the edge's commands without Django."""

import sys

from lab.cli import main

sys.exit(main())
