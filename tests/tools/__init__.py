"""Programs for those who work on On Book."""
