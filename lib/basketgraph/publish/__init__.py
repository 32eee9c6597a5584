"""Releases: which table versions are live, and going back to the ones before."""
