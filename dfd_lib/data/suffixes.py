"""The suffixes that files are known by."""

# Lists of our own: Python's, and the machine's, differ from one to the next, and with them would the outcome
IMAGES = (".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".bmp", ".dib", ".webp", ".tif", ".tiff", ".gif", ".ppm", ".pgm", ".pbm", ".pnm")
VIDEOS = (
    *(".mp4", ".m4v", ".mov", ".qt", ".3gp", ".3g2", ".avi", ".divx", ".mkv", ".webm", ".flv", ".f4v", ".wmv", ".asf", ".mpg"),
    *(".mpeg", ".mpe", ".mpv", ".m1v", ".m2v", ".vob", ".m2ts", ".ts", ".mts", ".ogv", ".ogm", ".mxf", ".rm", ".rmvb", ".dv"),
    *(".nut", ".ivf", ".y4m", ".mjpeg", ".mjpg", ".h264", ".264", ".h265", ".265", ".hevc"),
)

AMBIGUOUS = (".ts", ".mts", ".gif")
"""TypeScript is no video, and of pictures some move: of these the content decides."""

UNREAD = (
    *(".heic", ".heif", ".avif", ".jxl", ".jp2", ".j2k", ".psd", ".svg", ".ico", ".dng", ".cr2", ".cr3", ".nef", ".arw", ".raf"),
    *(".orf", ".rw2"),
)
"""Images that nothing here decodes: each has its row, that says so."""

TABLES = (
    *(".csv", ".tsv", ".json", ".jsonl", ".txt", ".md", ".rst", ".xml", ".yaml", ".yml", ".html", ".htm", ".pdf", ".log", ".npy"),
    *(".npz", ".pkl", ".pt", ".pth", ".h5", ".hdf5", ".parquet", ".onnx", ".py", ".ipynb", ".sh", ".zip", ".gz", ".tgz", ".tar"),
    *(".7z", ".rar", ".wav", ".mp3", ".m4a", ".aac", ".flac", ".opus", ".srt", ".vtt", ".ass", ".sha256", ".md5"),
)
"""What lies beside media and is none; it is not opened. Of any other suffix, and without one, the content decides."""
