"""Read scripts from files, one module a format.

To add a format, write a module with a function under `@importer`, and name the module here.
"""

# Importing a module registers its format; people see the endings in this order.
# isort: off
from . import fountain_reader, final_draft_reader, plain_text_reader  # noqa: F401 - registered
