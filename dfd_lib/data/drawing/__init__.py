"""Drawn people: `person` (traits), `easel` (brushes), `face` and `portrait` (layers), `take` (a filmed clip), `swap` (a fake)."""
