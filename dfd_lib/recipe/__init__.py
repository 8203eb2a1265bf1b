"""The parts of which `dfd_lib.experiment` makes a recipe: how models are trained and changed, which studies are made; mistakes and keys."""
