"""What a recipe is made of: commands, stages with what they read and write, and rows of the final table."""

import os
from dataclasses import dataclass

from spml.recipes.outside import Input

# Keys that change no result: how fast it is made, what is shown and kept on the way, and which stage comes next.
_OF_TRAINING = (
    "resume", "second_stage", "snapshot_step", "keep_snapshots", "tensorboard_step", "validate_step", "validate_images",
)  # fmt: skip
_OF_DATA = ("dataset", "color_map_path", "val_data_list", "test_data_list")
NEUTRAL_KEYS = (
    "num_threads",
    *(f"train.{key}" for key in _OF_TRAINING),
    *(f"dataset.{key}" for key in _OF_DATA),
)


@dataclass(frozen=True)
class Command:
    """A script and its flags, as one would type them at the project's root.

    script: its path below the root; flags: flags with their values; config: the YAML of --cfg_path, None where the
    script takes none; keys: configuration keys and values, later ones win; sharing: more of them, which only divide the
    work among processes; processes: how many run it together; per_process: whether their number changes the result,
    since each takes a batch of its own; ignores: keys, or with a dot at the end groups of keys, that change no result.
    """

    script: str
    flags: tuple[str, ...]
    config: str | None = None
    keys: tuple[str, ...] = ()
    sharing: tuple[str, ...] = ()
    processes: int = 1
    per_process: bool = False
    ignores: tuple[str, ...] = NEUTRAL_KEYS

    @property
    def name(self) -> str:
        """The script's file name."""
        return self.script.rpartition("/")[2]

    @property
    def trains(self) -> bool:
        """Whether it starts from the weights that `network.pretrained` names."""
        return self.script.startswith("pyscripts/train/")

    @property
    def saved(self) -> tuple[str, ...]:
        """The file that --save names, if any."""
        return self.flags[self.flags.index("--save") + 1 :][:1] if "--save" in self.flags else ()

    def arguments(self) -> list[str]:
        """What follows the interpreter: the launcher where there are several processes, script, flags, keys."""
        launcher = ["-m", "torch.distributed.run", "--standalone", f"--nproc_per_node={self.processes}"]
        config = ["--cfg_path", self.config] if self.config else []
        keys = ["--opts", *self.keys, *self.sharing] if self.keys or self.sharing else []
        return [*(launcher if self.processes > 1 else []), self.script, *config, *self.flags, *keys]


@dataclass(frozen=True)
class Row:
    """A row of the final table: the score's name in OUT/scores, and what it is."""

    score: str
    text: str


@dataclass(frozen=True)
class Stage:
    """One step of a recipe, run once.

    name: what FROM, TO and FORCE call it; commands: run in order; writes: files and folders that it makes, removed
    before it is run again; after: names of the earlier stages it builds on; reads: files from outside the recipe; rows:
    what it gives to the table; always: run each time, being quick where there is nothing to do; given: never run, but
    needed complete; record: the name of its record where `name` is another stage's too; shared: the setting that says
    where it writes, if that is not OUT, so that runs with another OUT write the same files, else ''; only_for: a list
    that an earlier stage writes, '' for none: where it is empty, the stage is left out.
    """

    name: str
    commands: tuple[Command, ...]
    writes: tuple[str, ...]
    after: tuple[str, ...] = ()
    reads: tuple[Input, ...] = ()
    rows: tuple[Row, ...] = ()
    always: bool = False
    given: bool = False
    record: str = ""
    shared: str = ""
    only_for: str = ""

    @property
    def record_name(self) -> str:
        """The name of its record."""
        return self.record or self.name


@dataclass(frozen=True)
class Places:
    """Folders that may move without a change of meaning, by the symbol that stands for them in records."""

    root: str
    folders: tuple[tuple[str, str], ...]

    def symbolic(self, text: str) -> str:
        """A path in one of the folders with the symbol in front, other text as it is."""
        for symbol, folder in sorted(self.folders, key=lambda pair: -len(pair[1])):
            if text == folder or text.startswith(folder.rstrip("/") + "/"):
                return symbol + text[len(folder.rstrip("/")) :]
        return text

    def shown(self, text: str) -> str:
        """A text with the folders in place of their symbols."""
        for symbol, folder in self.folders:
            text = text.replace(symbol, folder)
        return text

    def path(self, text: str) -> str:
        """A path as commands have it, relative to the root, as an absolute one."""
        return os.path.join(self.root, text)


@dataclass(frozen=True)
class Recipe:
    """All stages in order; out: the folder of results; places: see there; table: the command that writes the table, run
    after each stage that has a row, or None; tail: commands that end it; closing: its last line, '' for none."""

    stages: tuple[Stage, ...]
    out: str
    places: Places
    table: Command | None = None
    tail: tuple[Command, ...] = ()
    closing: str = ""

    @property
    def ending(self) -> tuple[Command, ...]:
        """The commands that end it: that of the table, and the tail."""
        return (*((self.table,) if self.table else ()), *self.tail)
