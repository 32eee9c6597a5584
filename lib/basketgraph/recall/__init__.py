"""Candidates: what each recommender would show each user, and how sure it is."""
