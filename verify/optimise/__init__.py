"""Trainers and what judges them: second-order steps, descent across kinks,
torch.optim, refinement.
"""
