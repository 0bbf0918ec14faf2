"""What real networks do, and what that says of the theory.

Arrays are as in :mod:`numerics`.  Tensors are float64; those of a user's module have its dtype.
"""
