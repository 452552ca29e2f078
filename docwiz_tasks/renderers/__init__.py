"""The built-in renderers: one report document, several formats."""
