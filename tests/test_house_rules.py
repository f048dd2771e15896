"""The rules of the house: layers, lengths, docstrings, types, one meaning a name, and a library that is silent."""

import ast
import re
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
FOLDERS = (".ci", "bashscripts", "benchmarks", "configs", "docs", "misc", "pyscripts", "spml", "tests")
BINARY = {".npz", ".npy", ".png", ".jpg", ".mat", ".pyc", ".pth", ".pkl", ".gz"}
LONGEST_FILE, LONGEST_FUNCTION, LONGEST_SCRIPT, LONGEST_PROSE = 250, 40, 30, 120
APPLICATION = ("spml/commands/", "spml/prepare/", "spml/recipes/")
# Names that two modules share because they mean the same: the script and its face in the library; one a data set.
SAME_MEANING = {"train", "recipe"}
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


def sources(folder):
    """The Python files of a folder, by their path from the project's root."""
    return {str(path.relative_to(ROOT)): path.read_text() for path in sorted((ROOT / folder).rglob("*.py"))}


def project_texts():
    """All text files of the project, by their path from its root."""
    paths = [path for path in ROOT.iterdir() if path.is_file() and path.name != ".git"]  # a file in a worktree
    paths += [path for folder in FOLDERS for path in (ROOT / folder).rglob("*") if path.is_file()]
    return {
        str(path.relative_to(ROOT)): path.read_text(errors="replace") for path in paths if path.suffix not in BINARY
    }


def code_lines(text):
    """The number of lines that are neither blank nor comment nor the module's docstring."""
    first = ast.parse(text).body[0]
    lines = text.splitlines()[first.end_lineno if ast.get_docstring(ast.parse(text)) else 0 :]
    return sum(bool(line.strip()) and not line.lstrip().startswith("#") for line in lines)


def undocumented(text):
    """What lacks a docstring: the module, or its public functions and classes."""
    tree = ast.parse(text)
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    public = [node for node in tree.body if isinstance(node, kinds) and not node.name.startswith("_")]
    return [getattr(node, "name", "module") for node in (tree, *public) if not ast.get_docstring(node)]


def library():
    """The sources of the library: of all rooms that are not the application's."""
    return {path: text for path, text in sources("spml").items() if not path.startswith(APPLICATION)}


def long_functions(text):
    """Functions with more lines than is allowed, docstring included."""
    functions = [node for node in ast.walk(ast.parse(text)) if isinstance(node, FUNCTIONS)]
    return [node.name for node in functions if node.end_lineno - node.lineno >= LONGEST_FUNCTION]


def untyped(text):
    """Public functions and methods of which a parameter or the result has no annotation."""
    found = []
    for node in ast.parse(text).body:
        inside = node.body if isinstance(node, ast.ClassDef) else [node]
        found += [each.name for each in inside if isinstance(each, FUNCTIONS) and not _is_typed(each, each is not node)]
    return found


def _is_typed(function, is_method):
    if re.match(r"_(?!_)", function.name):
        return True
    static = any(isinstance(d, ast.Name) and d.id == "staticmethod" for d in function.decorator_list)
    given, rest = function.args.posonlyargs + function.args.args, function.args
    named = given[is_method and not static :] + rest.kwonlyargs + [a for a in (rest.vararg, rest.kwarg) if a]
    returns = function.returns is not None or (function.name == "__init__" and named)
    return all(a.annotation for a in named) and bool(returns)


def speech(text):
    """What prints, reads flags or ends the program."""
    found = []
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import | ast.ImportFrom):
            names = [alias.name for alias in node.names] + [getattr(node, "module", None)]
            found += [name for name in names if name in ("argparse", "getopt", "optparse")]
        elif isinstance(node, ast.Name) and node.id in ("print", "exit", "quit", "SystemExit"):
            found.append(node.id)
        elif isinstance(node, ast.Attribute) and ast.unparse(node) in (
            "sys.exit", "os._exit", "sys.argv", "sys.stdout", "sys.stderr"
        ):  # fmt: skip
            found.append(ast.unparse(node))
    return found


def public_names(text):
    """The public functions, classes and constants that a module defines."""
    names = set()
    for node in ast.parse(text).body:
        if isinstance(node, (*FUNCTIONS, ast.ClassDef)):
            names.add(node.name)
        if ast.unparse(getattr(node, "value", None) or node).startswith("TypeVar("):
            continue
        targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
        names |= {name.id for target in targets if target for name in ast.walk(target) if isinstance(name, ast.Name)}
    return {name for name in names if not name.startswith("_")} - {"logger"}


def shared(names_by_path):
    """The names that several paths have, with those paths."""
    paths = defaultdict(list)
    for path, names in names_by_path.items():
        for name in names:
            paths[name].append(path)
    return {name: found for name, found in paths.items() if len(found) > 1}


def imported_modules(text):
    """The last parts of the modules of the package that a script imports from."""
    modules = {node.module for node in ast.walk(ast.parse(text)) if isinstance(node, ast.ImportFrom)}
    return {module.rpartition(".")[2] for module in modules if module.startswith("spml.")} - {"running"}


def prose():
    """The pages for people, by their path from the project's root."""
    pages = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), ROOT / "snapshots" / "README.md"]
    return {str(path.relative_to(ROOT)): path.read_text() for path in pages}


def test_imports_run_downwards_and_in_no_circle():
    code = "from importlinter.cli import lint_imports_command; lint_imports_command()"
    linted = subprocess.run([sys.executable, "-c", code, "--no-cache"], cwd=ROOT, capture_output=True, text=True)
    assert linted.returncode == 0, linted.stdout + linted.stderr


def test_no_file_of_the_package_is_long():
    lengths = {path: len(text.splitlines()) for path, text in sources("spml").items()}
    assert lengths and not {path: length for path, length in lengths.items() if length > LONGEST_FILE}


def test_scripts_are_a_docstring_an_import_and_a_call():
    scripts = sources("pyscripts")
    assert scripts and not {path for path, text in scripts.items() if code_lines(text) > LONGEST_SCRIPT}
    assert not {path for path, text in scripts.items() if not ast.get_docstring(ast.parse(text))}


def test_public_functions_and_classes_are_documented():
    missing = {path: undocumented(text) for path, text in sources("spml").items()}
    assert missing and not {path: names for path, names in missing.items() if names}


def test_the_project_mentions_nothing_outside_of_itself():
    outside = ["../" + "shared", "/work/" + "shared", "/work/" + "main", "method" + ".md"]
    assert not [(path, word) for path, text in project_texts().items() for word in outside if word in text]


def test_no_function_is_long():
    found = {path: long_functions(text) for path, text in sources("spml").items()}
    assert not {path: names for path, names in found.items() if names}


def test_public_functions_are_typed():
    found = {path: untyped(text) for path, text in sources("spml").items()}
    assert not {path: names for path, names in found.items() if names}


def test_the_library_prints_nothing_reads_no_flags_and_ends_no_program():
    found = {path: speech(text) for path, text in library().items()}
    assert found and not {path: words for path, words in found.items() if words}


def test_only_the_runner_of_commands_prints():
    found = {path: speech(text) for path, text in sources("spml").items() if path != "spml/commands/running.py"}
    assert not {path for path, words in found.items() if "print" in words}


def test_nothing_is_imported_by_a_string():
    found = {path for path, text in sources("spml").items() if re.search(r"import_module|__import__", text)}
    assert found <= {"spml/__init__.py"}  # its names are imported when they are asked for


def test_a_module_has_a_name_of_its_own():
    stems = {path: {Path(path).stem} - {"__init__"} for path in sources("spml")}
    assert shared(stems) == {}


def test_a_public_name_means_one_thing():
    names = {path: public_names(text) for path, text in sources("spml").items() if not path.endswith("__init__.py")}
    assert {name: paths for name, paths in shared(names).items() if name not in SAME_MEANING} == {}


def test_a_script_is_named_like_the_module_behind_it():
    behind = {path: imported_modules(text) for path, text in sources("pyscripts").items()}
    assert not {p: modules for p, modules in behind.items() if not any(Path(p).stem.startswith(m) for m in modules)}


def rows_of_new_things(page):
    """The rows of the table that says where a new thing goes: what it is, where it goes, the test that tries it."""
    rows = [line.strip("| ").split(" | ") for line in page.partition("| a new ...")[2].splitlines()[2:]]
    return [row for row in rows if len(row) == 3]


def test_what_the_table_of_new_things_names_is_there_and_a_test_adds_a_dummy_of_each_kind():
    rows = rows_of_new_things((ROOT / "ARCHITECTURE.md").read_text())
    assert {"relation", "backbone", "data set", "annotation format", "pseudo label"} < {kind for kind, _, _ in rows}
    for kind, place, test in rows:
        text = (ROOT / "tests" / test.strip("`")).read_text()
        assert f"def test_a_new_{kind.replace(' ', '_')}_" in text, (kind, test)
        files = [word for word in re.findall(r"`([^`]+)`", place) if "/" in word or "." in word]
        assert all(
            any((ROOT / base / name).exists() for base in ("", "spml", "spml/prepare/annotations")) for name in files
        )
        for name, file in re.findall(r"`([A-Z_]+)`[^`]* of `([^`]+)`", place):
            assert any(
                name in public_names(p.read_text()) for p in (ROOT / "spml").rglob("*.py") if str(p).endswith(file)
            )


def test_links_within_the_pages_lead_somewhere_and_the_readme_leads_to_each_page():
    links = {page: re.findall(r"\]\(([^)#\s]+)", text) for page, text in prose().items()}
    within = [(page, link) for page, found in links.items() for link in found if "://" not in link]
    assert within and not [(page, link) for page, link in within if not (ROOT / page).parent.joinpath(link).exists()]
    assert {page for page in prose() if page.startswith("docs/")} <= set(links["README.md"])


def test_lines_of_prose_are_at_most_120_characters():
    lines = [(page, n, line) for page, text in prose().items() for n, line in enumerate(text.splitlines(), 1)]
    assert lines and not [line for line in lines if len(line[2]) > LONGEST_PROSE and not line[2].startswith("|")]


def test_rules_notice_a_missing_docstring_and_count_code_alone():
    text = '"""One\ntwo."""\n\n# why\nimport os\n\n\ndef seen():\n    pass\n\n\ndef _hidden():\n    pass\n'
    assert undocumented(text) == ["seen"] and code_lines(text) == 5


def test_rules_notice_missing_types_speech_names_and_length():
    text = "import argparse\nT = TypeVar('T')\nLIMIT: int = 1\nA, b = 1, 2\n_c = 3\n"
    text += (
        "class Thing:\n    def __init__(self, x): ...\n    def _hidden(self, x): ...\n    def typed(self) -> int: ...\n"
    )
    text += "def half(x: int, *rest) -> int: print(x)\ndef whole(x: int, *, y: int = 0) -> None: sys.exit(1)\n"
    assert untyped(text) == ["__init__", "half"]
    assert sorted(speech(text)) == ["argparse", "print", "sys.exit"]
    assert public_names(text) == {"LIMIT", "A", "b", "Thing", "half", "whole"}
    assert shared({"one": {"a", "b"}, "two": {"b"}}) == {"b": ["one", "two"]}
    assert long_functions("def f():\n" + 40 * "    pass\n" + "def g():\n" + 39 * "    pass\n") == ["f"]
    assert imported_modules("from spml.commands.running import run\nfrom spml.prepare.toy.parts import x\n") == {
        "parts"
    }
