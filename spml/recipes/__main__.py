"""Run a recipe: python -m spml.recipes voc12 point."""

from spml.commands.running import run


def main() -> None:
    """Import what a recipe needs, whose time is covered by `run` too, and call it."""
    from spml.recipes.command import run_recipe

    run_recipe()


if __name__ == "__main__":
    run(main)
