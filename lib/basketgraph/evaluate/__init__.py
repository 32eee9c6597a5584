"""Evaluation on Spark: every model against what users bought after the cut, with intervals; and the gate before a release."""
