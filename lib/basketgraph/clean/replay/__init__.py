"""Reprocessing of landing files after a mapping was mended."""
