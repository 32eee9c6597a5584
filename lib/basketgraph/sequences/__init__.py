"""What a person takes next, from the order of what they took: a causal Transformer, item-transition counts, and a blend of both."""
