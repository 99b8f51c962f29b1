"""The torch island: networks, losses, training, and the predictor."""
