"""YAML that may be hostile: no code, no key twice, and aliases that spread no further than a person writes."""

from typing import Any

import yaml

MOST_LETTERS = 1 << 18
MOST_NODES = 10_000  # after each alias is replaced by what it stands for
MOST_LEVELS = 30
_MERGE = "tag:yaml.org,2002:merge"


def parse_yaml(text: str) -> Any:
    """The values of a YAML text.

    Raises ValueError, in one line, where it is no YAML, longer than MOST_LETTERS, names a key of a mapping twice, or
    has more than MOST_NODES values or MOST_LEVELS levels, those of its aliases included.
    """
    try:
        if len(text) > MOST_LETTERS:
            raise ValueError(f"it has more than {MOST_LETTERS} letters")
        return yaml.load(text, _Loader)  # a SafeLoader
    except Exception as error:  # tags as !!bool and !!timestamp raise anything for what they do not expect
        raise ValueError(" ".join(str(error).split()) or type(error).__name__) from None


class _Loader(yaml.SafeLoader):
    """PyYAML's safe loader, which counts before it builds."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.spread: dict[int, tuple[int, int]] = {}  # of each finished node: values, levels
        self.open = 0

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        """The next node, or the one that an alias stands for."""
        self.open += 1
        if self.open > MOST_LEVELS:
            raise ValueError(f"it has more than {MOST_LEVELS} levels")
        node = super().compose_node(parent, index)
        self.open -= 1
        if node is not None and id(node) not in self.spread:
            self.spread[id(node)] = self._spread_of(node)
        return node

    def _spread_of(self, node: yaml.Node) -> tuple[int, int]:
        within = _within(node)
        if any(id(child) not in self.spread for child in within):
            raise ValueError("an alias stands for what holds it")
        if isinstance(node, yaml.MappingNode):
            _refuse_repeated(node)
        found = [self.spread[id(child)] for child in within]
        count, levels = 1 + sum(count for count, _ in found), 1 + max((level for _, level in found), default=0)
        if count > MOST_NODES or levels > MOST_LEVELS:
            raise ValueError(f"it has more than {MOST_NODES} values or {MOST_LEVELS} levels")
        return count, levels


def _within(node: yaml.Node) -> list[yaml.Node]:
    if isinstance(node, yaml.MappingNode):
        return [part for pair in node.value for part in pair]
    return list(node.value) if isinstance(node, yaml.SequenceNode) else []


def _refuse_repeated(node: yaml.MappingNode) -> None:
    lines: dict[tuple[str, str], int] = {}
    for key, _ in node.value:
        if isinstance(key, yaml.ScalarNode) and key.tag != _MERGE:
            line, name = key.start_mark.line + 1, (key.tag, key.value)
            if name in lines:
                raise ValueError(f"{key.value[:80]} stands in line {lines[name]} and again in line {line}")
            lines[name] = line
