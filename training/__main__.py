"""Run ``python -m training``."""

from .cli import main
from .distributed import leave

if __name__ == "__main__":
    leave(main())
