"""Numbers: laws as functions of arrays, floating point with its rounding, balls, Taylor
coefficients.
"""
