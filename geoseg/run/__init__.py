"""A long job as a plan that is known before it starts."""
