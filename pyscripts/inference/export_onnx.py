#!/usr/bin/env python
"""Write SAVE_DIR/scores.onnx, where the snapshot holds a classifier, and SAVE_DIR/embedding.onnx."""

from spml.commands.running import run


def main() -> None:
    """Import what the script needs, whose time is covered by `run` too, and call it."""
    from spml.commands.export_onnx import export_onnx

    export_onnx()


if __name__ == "__main__":
    run(main)
