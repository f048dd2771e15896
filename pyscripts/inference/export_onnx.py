#!/usr/bin/env python
"""Trained networks as ONNX files."""

from spml.commands.export_onnx import export_onnx
from spml.commands.running import run

if __name__ == "__main__":
    run(export_onnx)
