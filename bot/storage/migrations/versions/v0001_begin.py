"""Begin with the tables of the first version, which On Book makes without a revision."""

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Do nothing, because there is nothing older to upgrade."""
