"""Tables in, tables out: metrics, intervals, tests and ensembles. Never loads TensorFlow."""
