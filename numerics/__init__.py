"""How it is computed: the one place where symbols become numbers.

Arrays are float64 unless their type says otherwise (:mod:`numerics.arithmetic.types`); what takes
an ArrayLike makes float64 of it.
"""
