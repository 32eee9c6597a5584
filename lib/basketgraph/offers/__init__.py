"""What to offer: whom a campaign changes, and which coupons people get under budgets."""
