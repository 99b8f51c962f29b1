"""Loops as machine code: kernels that are shipped as bitcode, and numba where they have changed."""
