"""What a model looks at: occlusion for any score, Grad-CAM for Keras models."""
