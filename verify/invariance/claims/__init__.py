"""The evidence of each claim of this chapter."""
