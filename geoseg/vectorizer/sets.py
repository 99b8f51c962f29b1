"""Disjoint sets of whole numbers, as an array of parents; a root is its own parent."""

from __future__ import annotations

import numpy as np

from geoseg.kernels.compiled import helper, kernel


@helper
def root(parents, member):
    """Find the root of a member's set; paths are halved on the way."""
    while parents[member] != member:
        parents[member] = parents[parents[member]]
        member = parents[member]
    return member


@helper
def join(parents, one, two):
    """Make the sets of two members one; the smaller root is its root."""
    one, two = root(parents, one), root(parents, two)
    parents[max(one, two)] = min(one, two)


@kernel
def join_all(parents, ones, others):
    """Join the sets of ones[i] and others[i], for each i."""
    for i in range(ones.size):
        join(parents, ones[i], others[i])


def chase(parents: np.ndarray) -> np.ndarray:
    """Give the root of every member."""
    roots = parents[parents]
    while not np.array_equal(roots, parents):
        roots, parents = roots[roots], roots
    return roots


def number_sets(parents: np.ndarray) -> np.ndarray:
    """Number the sets 0, 1, ... in the order of their roots."""
    roots = chase(parents)
    is_root = roots == np.arange(len(parents))
    return (np.cumsum(is_root) - 1)[roots].astype(np.int32)
