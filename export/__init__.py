"""Export a checkpoint as one voice file, with proof. See ``onbook-export --help``.

In the repository, this package lies beside `training`. Installed, it is ``onbook_training.export``,
because `training` is then called ``onbook_training``. Only this module and `trained` know that.
"""

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING or __package__ == "export":
    from training import __version__
    from training.errors import TextError, UserError, VoiceError
else:
    from .. import __version__
    from ..errors import TextError, UserError, VoiceError

__all__ = ["TextError", "UserError", "VoiceError", "__version__"]

# As in `bot`, because onnxruntime would otherwise report its use.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
