"""The HTML page of a run, for people who do not write code."""
