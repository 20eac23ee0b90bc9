"""Tools for the development of On Book."""
