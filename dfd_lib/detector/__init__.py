"""A trained detector in one file, and what it says of a photo or a video.

Serving needs NumPy, OpenCV, Pillow, simplejpeg and ONNX Runtime: no TensorFlow, no
scikit-learn, no pandas.
"""
