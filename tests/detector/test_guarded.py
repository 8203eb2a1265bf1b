"""The page with a password, and with more files than may wait."""

import http.cookiejar
import json
import subprocess
import sys
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

import pytest
import tiny_bundle
from served_page import free_port, upload_body, wait_for

from dfd_lib.detector.examples import example
from dfd_lib.detector.page import QUEUE

PASSWORD = "drawn faces only"


class Visitor:
    """Somebody with a browser's cookies."""

    def __init__(self, address):
        self.address = address
        self.opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar()))

    def ask(self, path, body=None, kind="application/json"):
        request = urllib.request.Request(f"{self.address}{path}", body, {"Content-Type": kind} if body is not None else {})
        try:
            with self.opener.open(request, timeout=300) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read().decode()

    def log_in(self, password, user="dfd"):
        form = urllib.parse.urlencode({"username": user, "password": password}).encode()
        return self.ask("/login", form, "application/x-www-form-urlencoded")[0]

    def upload(self, file):
        body, kind = upload_body(file.name, file.read_bytes())
        return json.loads(self.ask("/gradio_api/upload", body, kind)[1])[0]

    def judge(self, path):
        body = json.dumps({"data": [{"path": path, "meta": {"_type": "gradio.FileData"}}]}).encode()
        return self.ask("/gradio_api/call/judge", body)


@pytest.fixture(scope="module")
def guarded(tmp_path_factory):
    """The address of a page with a password, and the gate that its detector waits for."""
    folder = tmp_path_factory.mktemp("guarded")
    gate, port = folder / "gate", free_port()
    program = Path(__file__).with_name("guarded_page.py")
    command = [sys.executable, str(program), str(tiny_bundle.write(folder / "tiny.dfd")), str(port), PASSWORD, str(gate)]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    try:
        wait_for(f"http://127.0.0.1:{port}/", process)
        yield f"http://127.0.0.1:{port}", gate
    finally:
        process.terminate()
        process.communicate(timeout=20)


def test_nothing_is_to_be_had_without_the_password(guarded):
    stranger = Visitor(guarded[0])
    for path in ("/config", "/gradio_api/info"):
        assert stranger.ask(path)[0] == 401, path
    body, kind = upload_body("a.png", b"x")
    assert stranger.ask("/gradio_api/upload", body, kind)[0] == 401
    assert stranger.judge("/etc/passwd")[0] == 401
    assert stranger.log_in("guess") == 400 and stranger.log_in(PASSWORD, user="root") == 400
    assert stranger.ask("/config")[0] == 401
    assert Visitor(guarded[0]).log_in(PASSWORD) == 200


def test_beyond_the_queue_it_says_that_it_is_busy_and_answers_all_who_wait(guarded):
    address, gate = guarded
    visitor = Visitor(address)
    assert visitor.log_in(PASSWORD) == 200
    files = [visitor.upload(example("drawn-real.png")) for _ in range(QUEUE + 10)]
    answers = [visitor.judge(file) for file in files]
    waiting = [json.loads(said)["event_id"] for status, said in answers if status == 200]
    refused = [said for status, said in answers if status != 200]
    assert QUEUE <= len(waiting) <= QUEUE + 2 and len(refused) >= 8
    assert all(f"Queue is full. Max size is {QUEUE}" in said for said in refused) and {status for status, _ in answers} == {200, 503}
    gate.touch()
    events = [visitor.ask(f"/gradio_api/call/judge/{event}")[1] for event in waiting]
    assert all("event: complete" in event and '"people"' in event for event in events)
