"""Import the parts of training that need PyTorch, for all modules of export."""
# ruff: noqa: F401 - the other modules import these names from here

from typing import TYPE_CHECKING

if TYPE_CHECKING or __package__ == "export":
    from training.data.texts import KINDS_IN_WORDS, Text, frame_text, list_folder, read_each
    from training.data.vocabulary import Vocabulary
    from training.evaluation import Cost, measure_carried
    from training.model.corrections import CODES, STEP
    from training.model.folding import Floats, FoldedMemory, FoldedNetwork, FoldedPrior
    from training.model.memory import NONE, WIDTH, Packing
    from training.model.network import CharLSTM
    from training.model.tables import STORED, Tables
    from training.run import Run
    from training.voice_file import Voice, serialise
else:
    from ..data.texts import KINDS_IN_WORDS, Text, frame_text, list_folder, read_each
    from ..data.vocabulary import Vocabulary
    from ..evaluation import Cost, measure_carried
    from ..model.corrections import CODES, STEP
    from ..model.folding import Floats, FoldedMemory, FoldedNetwork, FoldedPrior
    from ..model.memory import NONE, WIDTH, Packing
    from ..model.network import CharLSTM
    from ..model.tables import STORED, Tables
    from ..run import Run
    from ..voice_file import Voice, serialise
