"""Hypotheses dropped one at a time: the smallest case for which the law then fails."""
