"""Show a script, its history or its replay as pages."""
