"""The cutting of chips, as kernels: resampled, lit, turned and labelled."""
