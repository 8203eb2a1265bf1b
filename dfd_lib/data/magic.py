"""What a file is by its first bytes, whatever its name says.

Names lie, and FFmpeg follows what it finds: a playlist that is called .mp4
would be opened, and then the files and addresses that it names. So a list of
other files is known by its first bytes too, and refused.
"""

import re
from pathlib import Path
from typing import Literal, NamedTuple

HEAD = 1024
"""So many bytes tell."""

Kind = Literal["image", "video", "list", "other"]


class Sign(NamedTuple):
    """What the first bytes say.

    Args:
        kind: `image`, `video`, `list` (names other files or addresses) or `other`.
        format: its name, such as JPEG or mp4; of what is unknown `unknown`.
    """

    kind: Kind
    format: str


_UNKNOWN = Sign("other", "unknown")

_STARTS: tuple[tuple[int, bytes, Kind, str], ...] = (
    (0, b"\xff\xd8\xff", "image", "JPEG"),
    (0, b"\x89PNG\r\n\x1a\n", "image", "PNG"),
    (8, b"WEBP", "image", "WEBP"),
    (0, b"II*\0", "image", "TIFF"),
    (0, b"MM\0*", "image", "TIFF"),
    (0, b"GIF8", "image", "GIF"),
    (0, b"8BPS", "image", "PSD"),
    (4, b"jP  \r\n", "image", "JPEG 2000"),
    (4, b"JXL \r\n", "image", "JPEG XL"),
    *((4, b"ftyp" + brand, "image", "HEIC") for brand in (b"heic", b"heix", b"heif", b"mif1", b"msf1", b"hevc", b"hevx")),
    *((4, b"ftyp" + brand, "image", "AVIF") for brand in (b"avif", b"avis")),
    *((4, b"ftyp" + brand, "other", "sound") for brand in (b"M4A ", b"M4B ", b"M4P ")),
    (4, b"ftypqt  ", "video", "mov"),
    (4, b"ftyp", "video", "mp4"),
    *((4, box, "video", "mov") for box in (b"moov", b"mdat", b"wide", b"free", b"skip")),
    (8, b"AVI ", "video", "avi"),
    (0, b"FLV", "video", "flv"),
    (0, b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", "video", "wmv"),
    (0, b"\x00\x00\x01\xba", "video", "mpg"),
    (0, b"\x00\x00\x01\xb3", "video", "mpg"),
    (0, b"\x06\x0e\x2b\x34", "video", "mxf"),
    (0, b".RMF", "video", "rm"),
    (0, b"YUV4MPEG2 ", "video", "y4m"),
    (0, b"DKIF", "video", "ivf"),
    (0, b"nut/multimedia container", "video", "nut"),
    (0, b"\x1f\x07\x00", "video", "dv"),
    (0, b"\x00\x00\x00\x01\x67", "video", "h264"),
    (0, b"\x00\x00\x00\x01\x09", "video", "h264"),
    (0, b"\x00\x00\x00\x01\x40\x01", "video", "hevc"),
)
"""Offset, bytes, kind and name of the formats that people have; the first that fits counts."""

_PACKETS = {"ts": (0, 188), "m2ts": (4, 192)}
"""Transport streams have no head, but a byte 0x47 at the start of every packet: offset of the first, and length."""

_BITMAP = re.compile(rb"BM.{4}\0\0\0\0", re.DOTALL)
_PORTABLE = re.compile(rb"P[1-6]\s+(?:#[^\n]*\n\s*)*\d+\s+\d+\s")
_LISTS = re.compile(
    rb"ffconcat|#EXTM3U|v=0\s+[a-z]=|\[playlist\]|\[reference\]|# VobSub"
    rb"|[a-z][a-z0-9+.-]*:(?://|\S*\|)"  # an address, or FFmpeg's concat:a|b
    rb"|<.*?<(?:\w+:)?(?:MPD|asx|smil|SmoothStreamingMedia|CompositionPlaylist)\b|<(?:MPD|asx|smil)\b",
    re.IGNORECASE | re.DOTALL,
)


def sniff(path: Path) -> Sign:
    """What a file is by its content.

    Raises:
        OSError: it cannot be read.
    """
    with path.open("rb") as file:
        return sign_of(file.read(HEAD))


def sign_of(head: bytes) -> Sign:
    """The same of a file's first bytes, `HEAD` of them where there are so many.

    Example:
        >>> sign_of(b"GIF89a"), sign_of(b"#EXTM3U")
        (Sign(kind='image', format='GIF'), Sign(kind='list', format='text'))
    """
    if _LISTS.match(_words(head)):
        return Sign("list", "text")
    for offset, start, kind, name in _STARTS:
        if head[offset:].startswith(start):
            return Sign(kind, name)
    if head.startswith(b"\x1a\x45\xdf\xa3"):  # EBML (RFC 8794); the document's type is in its header
        return Sign("video", "webm" if b"webm" in head else "mkv")
    if head.startswith(b"OggS"):  # its first page says what the stream is
        return Sign("video", "ogg") if b"\x80theora" in head or b"\x01video" in head else Sign("other", "sound")
    for name, (first, length) in _PACKETS.items():
        if len(head) > first + 2 * length and set(head[first : first + 3 * length : length]) == {0x47} and not head.isascii():
            return Sign("video", name)
    if _BITMAP.match(head):
        return Sign("image", "BMP")
    return Sign("image", "PPM") if _PORTABLE.match(head) else _UNKNOWN


def _words(head: bytes) -> bytes:
    """The text at the head, without its byte order mark and leading white space; 16-bit letters become plain ones."""
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return head[2:].replace(b"\0", b"").lstrip()
    return head.removeprefix(b"\xef\xbb\xbf").lstrip()
