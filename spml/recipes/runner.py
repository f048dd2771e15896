"""Running a recipe: each stage once, with a record of what its result depends on.

Why not doit: it would save the loop and the listing, some 60 lines. It decides by check sums of whole files or their
times and runs again what changed; it cannot refuse, say which key changed from what, tell half-done outputs of other
settings from its own, keep records valid in a folder that moves, or take earlier stages as done.
"""

import logging
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from spml.data.files import make_dir, read_text, write_text
from spml.data.fingerprints import of_value
from spml.data.run_lock import RunLock, run_lock
from spml.errors import UserError, first_of
from spml.recipes import launch
from spml.recipes.records import STARTED, Known, Record, write_record
from spml.recipes.settings import Settings
from spml.recipes.stages import Recipe, Stage
from spml.recipes.states import IDLE, State, complete_record, find_state

logger = logging.getLogger(__name__)

DATAROOT = "dataroot"  # beside the records: which data the results are of


class StageFailed(UserError):
    """A command of a stage ended with another status than 0, having said why where that is 1."""

    def __init__(self, what: str, status: int) -> None:
        super().__init__(f"{what} failed with status {status}; once that is mended, source the recipe again to go on")
        self.status = status


class RecipeRun:
    """One run of a recipe; execute: runs the commands, as launch.execute does."""

    def __init__(self, recipe: Recipe, settings: Settings, execute: launch.Execute = launch.execute) -> None:
        self.recipe, self.settings, self.execute = recipe, settings, execute
        self.places = recipe.places
        self.out = Path(self.places.path(recipe.out))
        self.folder = self.out / ".stages"
        self.known = Known()
        names = [stage.name for stage in recipe.stages if not stage.given]
        check_names(settings, names)
        all_names = [stage.name for stage in recipe.stages]
        self.start = all_names.index(settings.first) if settings.first else 0
        self.stop = all_names.index(settings.last) + 1 if settings.last else len(all_names)
        # Those that run again: all from FROM on, or FORCE's, to which `survey` adds what builds on it or has changed.
        self.again = {*all_names[self.start :]} if settings.first else {settings.force} & {*all_names}

    def states(self) -> Iterator[tuple[int, Stage, State]]:
        """Each stage as it is found when it is reached, those before FROM taken as done."""
        earlier: dict[str, str] = {}
        for place, stage in enumerate(self.recipe.stages):
            state = self.state(stage, earlier)
            taken = place < self.start and state.record is not None
            settings = state.record.settings if taken and state.record else state.settings
            earlier[stage.name] = IDLE if state.idle else of_value(settings)
            yield place, stage, state

    def state(self, stage: Stage, earlier: dict[str, str]) -> State:
        """A stage as it is found, `earlier` being the fingerprints of those before it."""
        return find_state(stage, self.places, self.folder, earlier, self.known)

    def show(self) -> None:
        """List the stages with their states."""
        width = max(len(stage.name) for stage in self.recipe.stages)
        for _, stage, state in self.states():
            logger.info("%s", f"{stage.name:<{width}}  {state.word()}")

    def run(self) -> None:
        """Run what is to be run, then the tail; raises UserError where old results would pass for new."""
        self.survey()
        make_dir(self.folder)
        with run_lock(self.folder / "lock", self.out, "runs a recipe") as lock:
            self.survey()
            self.sweep()
            if self.again:
                self.clear()
            write_text(self.folder / DATAROOT, self.settings.dataroot)
            for place, stage, state in self.states():
                if self.start <= place < self.stop and not stage.given:
                    self.turn(stage, state, lock)
            if self.settings.last:
                logger.info("== stopped after %s (TO); without TO the recipe goes on to its end", self.settings.last)
            else:
                self.finish(lock)

    def survey(self) -> None:
        """Find what runs again; refuse other stages that were run with other settings, and inputs that lack files."""
        forced = False
        for place, stage, state in list(self.states()):  # every configuration is looked at before any record is
            if forced and (state.changes or state.stray or self.again & {*stage.after}):
                self.again.add(stage.name)
            forced |= stage.name == self.settings.force
            if not self.start <= place < self.stop:
                continue
            for source in stage.reads:
                source.check(self.places.root)
            if stage.name not in self.again or stage.given:
                self.refuse_old(stage, state)

    def refuse_old(self, stage: Stage, state: State) -> None:
        """Raise UserError where what is there was made with other settings, or nobody knows how."""
        another = f"another OUT and {stage.shared} keep" if stage.shared else "another OUT keeps"
        ways = f"FORCE={stage.name} runs it and what builds on it again, {another} both"
        if state.changes:
            other = self.other_data()
            what = f"for DATAROOT={other}" if other else f"with other settings: {first_of(state.changes)}"
            raise UserError(f"stage {stage.name} was run {what}; {ways}")
        if state.stray:
            old = "it was made by an earlier version of the recipes" if (self.out / ".done").is_dir() else ""
            why = old or "nothing says how it was made"
            raise UserError(f"stage {stage.name}: {state.stray} is there already, but {why}; {ways}")
        if stage.given and not state.complete:
            raise UserError(f"stage {stage.name} is not complete, but needed; run the recipe without SPLIT=test first")

    def other_data(self) -> str:
        """The data root that the results are of, where it is another one than now and still there; else ''."""
        old, now = self.folder / DATAROOT, self.settings.dataroot
        before = read_text(old, "data root") if old.is_file() else ""
        return before if before and now and os.path.isdir(before) and not os.path.samefile(before, now) else ""

    def turn(self, stage: Stage, state: State, lock: RunLock) -> None:
        """Run a stage unless it is complete."""
        self.refuse_old(stage, state)
        if state.needed is False:
            logger.info("== %s: not needed", stage.name)
            return
        if state.complete and not stage.always:
            logger.info("== %s: complete", stage.name)
            return
        logger.info("== %s", stage.name)
        for source in stage.reads:
            source.check(self.places.root)
        write_record(self.folder, stage.record_name, Record(STARTED, state.settings, {}))
        for command in stage.commands:
            self.command(f"stage {stage.name}", command.arguments(), lock)
        write_record(self.folder, stage.record_name, complete_record(stage, self.places, state.settings))
        self.known.forget()
        ends = stage is self.recipe.stages[-1] and not self.settings.last  # the table comes anyway
        if stage.rows and self.recipe.table and not ends:
            logger.info("== the table so far")
            self.execute(self.recipe.table.arguments(), self.places.root, lock.note)

    def command(self, what: str, arguments: list[str], lock: RunLock) -> None:
        """Show a command and run it; raises StageFailed where it fails."""
        logger.info("%s", launch.shown(arguments, self.places.root))
        status = self.execute(arguments, self.places.root, lock.note)
        lock.note()
        if status:
            raise StageFailed(what, status)

    def finish(self, lock: RunLock) -> None:
        """What ends a recipe: table and pictures."""
        for command in self.recipe.ending:
            self.command(command.name, command.arguments(), lock)
        if self.recipe.closing:
            logger.info("%s", self.recipe.closing)

    def clear(self) -> None:
        """Remove what the stages that run again and the tail wrote, the last first, so that nothing builds on it."""
        for stage in reversed([stage for stage in self.recipe.stages if stage.name in self.again and not stage.given]):
            for path in stage.writes:
                remove(Path(self.places.path(path)))
            (self.folder / f"{stage.record_name}.json").unlink(missing_ok=True)
        for command in self.recipe.ending:
            for path in command.saved:
                remove(Path(self.places.path(path)))
        if self.recipe.stages[0].name in self.again:
            shutil.rmtree(self.out / ".done", ignore_errors=True)

    def sweep(self) -> None:
        """Remove what a run that was killed while removing left."""
        for stage in self.recipe.stages:
            for path in stage.writes:
                shutil.rmtree(_removed(Path(self.places.path(path))), ignore_errors=True)


def _removed(path: Path) -> Path:
    return path.with_name(f".{path.name}.removed")


def remove(path: Path) -> None:
    """Remove a file or folder; a folder leaves its place at once, so that a killed removal leaves no half of it.

    Raises UserError where the system does not let it be removed.
    """
    try:
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(_removed(path), ignore_errors=True)
            os.replace(path, _removed(path))
            shutil.rmtree(_removed(path))
        else:
            path.unlink(missing_ok=True)
    except OSError as error:
        raise UserError(f"{path}: cannot be removed ({error})") from None


def check_names(settings: Settings, names: list[str]) -> None:
    """Raise UserError where FROM, TO or FORCE name no stage, or in another order than the recipe's."""
    for setting, name in (("FROM", settings.first), ("TO", settings.last), ("FORCE", settings.force)):
        if name and name not in names:
            raise UserError(f"{setting}={name}: no such stage; expected one of {' '.join(names)}")
    if settings.first and settings.force:
        raise UserError(f"FROM={settings.first} FORCE={settings.force}: give one, both run stages again")
    first = settings.first or settings.force
    if first and settings.last and names.index(first) > names.index(settings.last):
        setting = "FROM" if settings.first else "FORCE"
        raise UserError(f"{setting}={first} comes after TO={settings.last}; the order is {' '.join(names)}")
