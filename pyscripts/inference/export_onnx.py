#!/usr/bin/env python
"""Write SAVE_DIR/scores.onnx, where the snapshot holds a classifier, and SAVE_DIR/embedding.onnx."""

from spml.commands.export_onnx import export_onnx
from spml.commands.running import run

if __name__ == "__main__":
    run(export_onnx)
