"""What is known of each user: additive days, and profiles as of a day."""

from basketgraph.profiles.user_days import net_days, outdated_days, recipe_of, stale_days, user_days
from basketgraph.profiles.user_profiles import ProfilesSettings, user_profiles

__all__ = ["ProfilesSettings", "net_days", "outdated_days", "recipe_of", "stale_days", "user_days", "user_profiles"]
