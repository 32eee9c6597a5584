"""What is known of each user: additive days, and profiles as of a day."""
