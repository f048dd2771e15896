"""The rules of the house: imports run downwards, files are short, scripts thin, functions documented."""

import ast
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
FOLDERS = (".ci", "bashscripts", "benchmarks", "configs", "misc", "pyscripts", "spml", "tests")
BINARY = {".npz", ".npy", ".png", ".jpg", ".mat", ".pyc", ".pth", ".pkl", ".gz"}
LONGEST_FILE, LONGEST_SCRIPT = 250, 30


def sources(folder):
    """The Python files of a folder, by their path from the project's root."""
    return {str(path.relative_to(ROOT)): path.read_text() for path in sorted((ROOT / folder).rglob("*.py"))}


def project_texts():
    """All text files of the project, by their path from its root."""
    paths = [path for path in ROOT.iterdir() if path.is_file()]
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


def test_rules_notice_a_missing_docstring_and_count_code_alone():
    text = '"""One\ntwo."""\n\n# why\nimport os\n\n\ndef seen():\n    pass\n\n\ndef _hidden():\n    pass\n'
    assert undocumented(text) == ["seen"] and code_lines(text) == 5
