"""Activations as exact expressions in z: pieces, signs, enclosures, a normal form, asymptotics,
grammar, spelling, printing.
"""
