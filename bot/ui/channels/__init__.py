"""Show a script, its progress and its panel where people write."""
