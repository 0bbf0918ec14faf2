"""Mutation testing of the code: python -m tests.mutation changes an operator of a module and runs
the module's tests.

What ``verify.mutants`` counts is something else: changed laws, judged by the evidence of their
claims.
"""
