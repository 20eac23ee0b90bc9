"""Write scripts as files, one module a format.

To add a format, write a module with a function under `@exporter`, and name the module here.
"""

# Importing a module registers its format; people choose from the formats in this order.
# isort: off
from . import fountain_writer, pdf_writer, final_draft_writer, html_writer, text_writer  # noqa: F401 - registered
