"""The command that runs a recipe."""

import logging
import os
import sys

from spml.commands.flags import Parser
from spml.errors import Interrupted, UserError
from spml.recipes import densepose, launch, msrc21_recipes, own, toy, voc12
from spml.recipes.runner import RecipeRun, StageFailed
from spml.recipes.settings import read_settings

logger = logging.getLogger("spml.recipes")
RECIPES = {
    "toy": toy.toy_recipe,
    "voc12": voc12.voc12_recipe,
    "densepose": densepose.densepose_recipe,
    "msrc21": msrc21_recipes.msrc21_recipe,
    "own": own.own_recipe,
}


def run_recipe(argv: list[str] | None = None, execute: launch.Execute = launch.execute) -> None:
    """Run the recipe that the arguments name, with the settings of the environment."""
    parser = Parser(description="Run a recipe; its settings (OUT, FROM, OPTS, ...) stand in the environment.")
    parser.add_argument("dataset", help=", ".join(RECIPES))
    parser.add_argument("kind", help="kind of annotation: tag, box, scribble, point, parts, any")
    parser.add_argument("--folder", default=os.getcwd(), metavar="DIR", help="what relative settings start from")
    args = parser.parse_args(argv)
    if args.dataset not in RECIPES:
        raise UserError(f"{args.dataset}: no such data set; expected one of {', '.join(RECIPES)}")
    settings = read_settings(os.environ, args.folder)
    if not os.path.isdir(f"{settings.root}/pyscripts"):
        raise UserError(f"{settings.root}: holds no pyscripts; recipes run from a checkout of the project")
    recipe_run = RecipeRun(RECIPES[args.dataset](args.kind, settings), settings, execute)
    try:
        if settings.listing:
            recipe_run.show()
        else:
            recipe_run.run()
    except StageFailed as failure:
        said = failure.status == 1  # the command, in a line of its own
        logger.log(logging.INFO if said else logging.ERROR, "%s", failure)
        sys.exit(failure.status)
    except Interrupted as stop:
        raise Interrupted(stop.signal, "source the recipe again to go on from here") from None
