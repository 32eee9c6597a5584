"""What items say: text vectors, new items, and answers to questions."""
