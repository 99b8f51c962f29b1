"""Path in, path out: what each command does."""
