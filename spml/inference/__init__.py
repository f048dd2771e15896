"""From images to masks: windows, retrieval, random walk, dense CRF, named pipelines."""
