"""Recipes: the stages from raw data to scored masks as values, and the runner that runs each once."""
