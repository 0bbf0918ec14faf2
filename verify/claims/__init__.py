"""One file per claim, under the same name as in theory/."""
