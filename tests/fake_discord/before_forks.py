"""Do once, before bots are forked, what each would do at its start, a third of the start."""

from discord import Locale
from sqlalchemy.orm import configure_mappers

from bot.i18n.catalogue import translated
from bot.storage import schema  # noqa: F401 - it declares the classes to map

configure_mappers()

for locale in Locale:
    translated("Undo", locale.value, is_name=False)
