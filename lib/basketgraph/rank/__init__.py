"""The learned ranker: features as of a cut, one model per setting, and a reason for every item it lists."""
