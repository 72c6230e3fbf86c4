"""Data that crosses the boundary between environment, agents and files. It has no behaviour of a run.

A submission (:mod:`~ftdojo.contract.submission`) goes in; an observation (:mod:`~ftdojo.contract.protocol`) with its
feedback comes out. Agents import this room, and nothing else of the environment. Nothing here imports torch.
"""
