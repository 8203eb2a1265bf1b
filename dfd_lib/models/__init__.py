"""The model zoo: one file per family, and the registry that names them.

A model knows pixels, never paths, labels or splits. It takes RGB 0..255 of
shape (batch, size, size, 3), rescales inside itself, and answers P(fake).
"""
