"""Run any predictor over a scene in bounded memory."""
