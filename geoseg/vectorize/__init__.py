"""Probabilities -> labels -> arcs -> coverage -> parcels."""
