"""Quality: holding a table version against its suite, and what happens when a promise is broken. Great Expectations stays behind this door."""

from basketgraph.quality.accept import Accepted, acceptances
from basketgraph.quality.check import QualityStop, check_all
from basketgraph.quality.examine import examine
from basketgraph.quality.look import Finding, Look

__all__ = ["Accepted", "Finding", "Look", "QualityStop", "acceptances", "check_all", "examine"]
