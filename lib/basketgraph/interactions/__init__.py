"""Weighted user-item edges before a cut, and the check that nothing later leaks in."""

from basketgraph.interactions.interactions import InteractionsSettings, interactions
from basketgraph.interactions.leaks import LeakError, check_cut, check_no_leak

__all__ = ["InteractionsSettings", "LeakError", "check_cut", "check_no_leak", "interactions"]
