"""The page as programs meet it: its HTTP API, hostile uploads, many uploads at once."""

import json
import shutil
import subprocess
import threading
import urllib.error
import urllib.request
from pathlib import Path

import numpy as np
import pytest
import tiny_bundle
from hostile_uploads import JUDGED, KINDS, REFUSED, uploads
from PIL import Image
from served_page import peak_megabytes, upload_body

from dfd_lib.detector.examples import EXAMPLES, example
from dfd_lib.detector.page import API
from dfd_lib.detector.predict import DeepfakeDetector

README = Path(__file__).parents[2] / "dfd_lib" / "README.md"

MEGABYTES = 700
"""That the page may take while fifty uploads are answered, all libraries included."""


def post(address, body, kind):
    request = urllib.request.Request(address, body, {"Content-Type": kind})
    with urllib.request.urlopen(request, timeout=300) as answer:
        return answer.read()


def upload(address, name, content):
    """The path under which the page keeps an upload, as curl -F would send it."""
    return json.loads(post(f"{address}/gradio_api/upload", *upload_body(name, content)))[0]


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


def test_the_api_says_what_the_detector_says(page, tmp_path):
    expected = DeepfakeDetector(tiny_bundle.write(tmp_path / "tiny.dfd"), threads=1)
    for name in ("drawn-real.png", "drawn-fake.mp4"):
        facts = judge(page.address, name, example(name).read_bytes())
        assert facts["file"] == name and facts["score"] == pytest.approx(expected(example(name)).score, abs=1e-6)


def test_an_upload_that_was_answered_is_gone_and_its_answer_says_so(page):
    path = upload(page.address, "photo.png", example("drawn-real.png").read_bytes())
    assert ask(page.address, path)[1][0]["p_fake"] is not None
    kind, facts = ask(page.address, path)
    assert kind == "complete" and facts[0]["verdict"] == "ERROR" and facts[0]["reason"].endswith("Send it again")
    assert str(page.folder) not in json.dumps(facts)


def test_hostile_uploads_are_answered_and_the_page_lives(page, tmp_path):
    answered, unopened = {}, set()
    for kind, name, content, fate in uploads(tmp_path):
        try:
            path = upload(page.address, name, content)
            event, facts = ask(page.address, path)
        except urllib.error.HTTPError as error:  # refused before it was stored
            error.close()
            answered[kind, name] = error.code
            assert fate == JUDGED or error.code in (400, 403, 422), (name, error.code)
            continue
        if event == "error":  # refused before it was opened, as a path that is none
            answered[kind, name] = facts["error"]
            unopened.add(Path(path).name)
            continue
        (facts,) = facts
        assert (facts["verdict"] in ("ERROR", "NO FACE")) == (fate == REFUSED), (name, facts["verdict"], facts["reason"])
        assert fate == JUDGED or 5 < len(facts["reason"]) < 300
        assert str(page.folder) not in json.dumps(facts) and "root:" not in json.dumps(facts)
        answered[kind, name] = facts["reason"]
    assert len(answered) >= 30 and {kind for kind, _ in answered} == set(KINDS)
    assert not list(page.folder.parent.glob("up.png")) and not Path("/tmp/up.png").exists()
    assert judge(page.address, "after.png", example("drawn-real.png").read_bytes())["people"]
    left = {file.name for file in page.folder.rglob("*") if file.is_file() and file.stat().st_size and file.suffix != ".json"}
    assert left <= unopened  # until they are swept, after `page.KEPT` seconds


def test_who_sends_what_another_sends_has_a_file_of_their_own(page):
    content = example("drawn-real.png").read_bytes()
    one, other = (upload(page.address, "same.png", content) for _ in range(2))
    assert one != other
    assert [ask(page.address, path)[1][0]["verdict"] for path in (one, other)].count("ERROR") == 0


def test_the_example_with_curl_works_as_it_stands(page, tmp_path):
    if not (shutil.which("curl") and shutil.which("bash")):
        pytest.skip("needs curl and bash")
    shutil.copy(example("drawn-real.png"), tmp_path / "photo.jpg")
    examples = API.format(address=page.address)
    script = examples.split("```bash\n")[1].split("```")[0]
    done = subprocess.run(["bash", "-ec", script], cwd=tmp_path, capture_output=True, text=True, check=True, timeout=300)
    assert "event: complete" in done.stdout and '"verdict"' in done.stdout
    assert API.format(address="http://127.0.0.1:7860").split("```bash\n")[1].split("```")[0] in README.read_text()


@pytest.mark.parametrize("path", ["/etc/passwd", "../../../../etc/passwd", "pyproject.toml", "/proc/self/environ"])
def test_files_of_the_machine_cannot_be_asked_for(page, path):
    kind, facts = ask(page.address, path)
    assert kind == "error" and "root:" not in json.dumps(facts)
    with pytest.raises(urllib.error.HTTPError) as error:
        urllib.request.urlopen(f"{page.address}/gradio_api/file={path}", timeout=60)
    error.value.close()
    assert error.value.code in (403, 404)


def test_an_upload_that_is_too_large_is_refused(page):
    with pytest.raises((urllib.error.HTTPError, ConnectionError, urllib.error.URLError)):
        upload(page.address, "large.mp4", b"\0" * (21 * 2**20))
    assert judge(page.address, "after.png", example("drawn-real.png").read_bytes())["people"]


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
        facts = judge(page.address, file.name, file.read_bytes())
        if facts["file"] != file.name or abs(facts["score"] - right[file]) > 1e-6:
            wrong.append((file.name, facts["file"], facts["score"], right[file]))

    threads = [threading.Thread(target=send, args=(file,)) for file in jobs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
    assert list(page.folder.rglob("photo-*.png")) == []
    assert peak_megabytes(page.pid) < MEGABYTES
