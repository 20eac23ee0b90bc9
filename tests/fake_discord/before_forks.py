"""Warm up the fork server: map the tables and load the catalogues, a third of a bot's start."""

import gc

from discord import Locale
from sqlalchemy.orm import configure_mappers

from bot.i18n.catalogue import translated
from bot.storage import schema  # noqa: F401 - it declares the classes to map

configure_mappers()

for locale in Locale:
    translated("Undo", locale.value, is_name=False)  # keeps the catalogue of the language

# A bot collects garbage when it starts, and would then look at all that is imported here.
gc.collect()
gc.freeze()
