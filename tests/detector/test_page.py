"""The page as programs meet it: its HTTP API, hostile uploads, many uploads at once."""

import json
import struct
import threading
import urllib.error
import urllib.request
import uuid
import zipfile
import zlib

import numpy as np
import pytest
import tiny_bundle
from PIL import Image

from dfd_lib.detector.examples import EXAMPLES, example
from dfd_lib.detector.predict import DeepfakeDetector


def post(address, body, kind):
    request = urllib.request.Request(address, body, {"Content-Type": kind})
    with urllib.request.urlopen(request, timeout=300) as answer:
        return answer.read()


def upload(address, name, content):
    """The path under which the page keeps an upload, as curl -F would send it."""
    boundary = uuid.uuid4().hex
    head = f'--{boundary}\r\nContent-Disposition: form-data; name="files"; filename="{name}"\r\n\r\n'
    body = head.encode("utf-8", "surrogateescape") + content + f"\r\n--{boundary}--\r\n".encode()
    return json.loads(post(f"{address}/gradio_api/upload", body, f"multipart/form-data; boundary={boundary}"))[0]


def ask(address, path):
    """The answer to a file that was uploaded, or the error event."""
    data = json.dumps({"data": [{"path": path, "meta": {"_type": "gradio.FileData"}}]}).encode()
    event = json.loads(post(f"{address}/gradio_api/call/judge", data, "application/json"))["event_id"]
    with urllib.request.urlopen(f"{address}/gradio_api/call/judge/{event}", timeout=600) as stream:
        lines = stream.read().decode().splitlines()
    kind = [line.removeprefix("event: ") for line in lines if line.startswith("event: ")][-1]
    facts = [line.removeprefix("data: ") for line in lines if line.startswith("data: ")][-1]
    return kind, json.loads(facts)


def judge(address, name, content):
    kind, facts = ask(address, upload(address, name, content))
    assert kind == "complete", facts
    return facts[0]


def bomb_png(width: int, height: int) -> bytes:
    """A PNG of a few kilobytes that asks for gigabytes."""

    def chunk(kind, body):
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0" * 10_000)) + chunk(b"IEND", b"")


def hostile(tmp_path):
    photo, clip = example("drawn-real.png").read_bytes(), example("drawn-real.mp4").read_bytes()
    yield from ((f"half{share}.png", photo[: len(photo) * share // 10]) for share in (1, 3, 5, 9))
    yield from ((f"half{share}.mp4", clip[: len(clip) * share // 10]) for share in (1, 3))
    yield from (("empty.png", b""), ("text.mp4", b"hello"), ("noise.jpg", np.random.default_rng(1).bytes(5000)))
    yield from (("bomb.png", bomb_png(60_000, 60_000)), ("wide.png", bomb_png(2**31 - 1, 1)), ("zero.png", bomb_png(0, 0)))
    yield from (("list.mp4", b"ffconcat version 1.0\nfile '/etc/passwd'\n"), ("hls.mp4", b"#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n"))
    yield from (
        ("address.mp4", b"http://127.0.0.1/x.mp4"),
        ("page.html", b"<script>alert(1)</script>"),
        ("svg.svg", b"<svg onload=alert(1)/>"),
    )
    yield from (("jpeg-html.jpg", b"\xff\xd8\xff<script>alert(1)</script>"), ("gif.gif", b"GIF89a" + b"\xff" * 100))
    yield from (("shell.sh", b"#!/bin/sh\nrm -rf /"), ("script.py", b"import os"), ("pickle.pkl", b"\x80\x04cos\nsystem\n"))
    yield from (("..%2f..%2fetc%2fpasswd", b"x"), ("....png", b"x"), ("a" * 200 + ".png", b"x"), ("name with 'quotes'.png", b"x"))
    with zipfile.ZipFile(tmp_path / "bomb.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("zeros", b"\0" * 10_000_000)
    yield "bomb.zip", (tmp_path / "bomb.zip").read_bytes()
    yield "detector.dfd", tiny_bundle.write(tmp_path / "x.dfd").read_bytes()
    yield "tiff.tif", b"II*\0" + b"\xff" * 300
    yield "webp.webp", b"RIFF\xff\xff\xff\xffWEBPVP8 " + b"\xff" * 64


def test_the_api_says_what_the_detector_says(page, tmp_path):
    expected = DeepfakeDetector(tiny_bundle.write(tmp_path / "tiny.dfd"), threads=1)
    for name in ("drawn-real.png", "drawn-fake.mp4"):
        facts = judge(page[0], name, example(name).read_bytes())
        assert facts["file"] == name and facts["score"] == pytest.approx(expected(example(name)).score, abs=1e-6)


def test_hostile_uploads_are_answered_and_the_page_lives(page, tmp_path):
    answered = {}
    for name, content in hostile(tmp_path):
        try:
            kind, facts = ask(page[0], upload(page[0], name, content))
        except urllib.error.HTTPError as error:  # refused before it was stored
            error.close()
            answered[name] = error.code
            continue
        if kind == "error":  # refused before it was opened, as a path that is none
            answered[name] = facts["error"]
            continue
        (facts,) = facts
        assert facts["verdict"] in ("ERROR", "NO FACE"), (name, facts["verdict"])
        assert str(page[1]) not in json.dumps(facts)
        answered[name] = facts["reason"]
    assert len(answered) >= 30
    assert judge(page[0], "after.png", example("drawn-real.png").read_bytes())["people"]


@pytest.mark.parametrize("path", ["/etc/passwd", "../../../../etc/passwd", "pyproject.toml", "/proc/self/environ"])
def test_files_of_the_machine_cannot_be_asked_for(page, path):
    kind, facts = ask(page[0], path)
    assert kind == "error" and "root:" not in json.dumps(facts)
    with pytest.raises(urllib.error.HTTPError) as error:
        urllib.request.urlopen(f"{page[0]}/gradio_api/file={path}", timeout=60)
    error.value.close()
    assert error.value.code in (403, 404)


def test_an_upload_that_is_too_large_is_refused(page):
    with pytest.raises((urllib.error.HTTPError, ConnectionError, urllib.error.URLError)):
        upload(page[0], "large.mp4", b"\0" * (21 * 2**20))
    assert judge(page[0], "after.png", example("drawn-real.png").read_bytes())["people"]


@pytest.mark.slow
def test_fifty_uploads_at_once_are_all_answered_right(page, tmp_path):
    """Each upload is of its own brightness, so that a mixed-up answer shows."""
    expected = DeepfakeDetector(tiny_bundle.write(tmp_path / "tiny.dfd"), threads=1)
    jobs, wrong = [], []
    photo = np.array(Image.open(example("drawn-real.png")).convert("RGB"))
    for number in range(44):
        file = tmp_path / f"photo-{number}.png"
        Image.fromarray((photo * (0.5 + number / 88)).astype(np.uint8)).save(file)
        jobs.append(file)
    for number in range(6):
        file = tmp_path / f"clip-{number}.mp4"
        file.write_bytes(example(list(EXAMPLES)[2 + number % 2]).read_bytes())
        jobs.append(file)
    right = {file: expected(file).score for file in jobs}

    def send(file):
        facts = judge(page[0], file.name, file.read_bytes())
        if facts["file"] != file.name or abs(facts["score"] - right[file]) > 1e-6:
            wrong.append((file.name, facts["file"], facts["score"], right[file]))

    threads = [threading.Thread(target=send, args=(file,)) for file in jobs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
    assert list(page[1].rglob("photo-*.png")) == []
