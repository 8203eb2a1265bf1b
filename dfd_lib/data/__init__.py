"""From media to pixels: sources, frames, faces, crops, splits, and the drawn demo clips."""
