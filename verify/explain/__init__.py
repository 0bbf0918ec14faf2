"""One network explained: as values, as text, as a page."""
