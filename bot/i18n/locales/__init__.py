"""The catalogues: what the bot says, by the English sentence, one file a language."""
