"""Draft a first mapping for a new shop from a sample of its files, with the evidence of each guess."""
