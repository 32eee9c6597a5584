"""Weighted user-item edges before a cut, and the check that nothing later leaks in."""
