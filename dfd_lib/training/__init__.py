"""Train, resume, predict. TensorFlow lives here and in `dfd_lib.models`."""
