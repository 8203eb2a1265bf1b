"""The page in a real browser, as somebody uses it who has never read its code."""

import json

import cv2
import numpy as np
import pytest
from axe_playwright_python.sync_playwright import Axe

from dfd_lib.data.demo import draw_portrait
from dfd_lib.detector.examples import example

ANSWER = 120_000  # milliseconds that an answer may take on a busy machine
CUT_OFF = """() => [...document.querySelectorAll('table')].filter(one => one.offsetParent)
    .filter(one => one.getBoundingClientRect().right > one.parentElement.getBoundingClientRect().right + 1).map(one => one.innerText)"""
"""Tables that are wider than their place, so that what stands on their right cannot be read."""


def violations(view):
    """What axe-core finds of WCAG 2 A and AA and of good practice, as lines."""
    found = Axe().run(view).response["violations"]
    return [f"{one['id']}: {node['html'][:200]}" for one in found for node in one["nodes"]]


@pytest.fixture
def opened(browser, page):
    address = page.address
    view = browser.new_page(viewport={"width": 1280, "height": 900})
    hosts, errors = set(), []
    view.on("request", lambda request: hosts.add(request.url.split("/")[2] if request.url.startswith("http") else "local"))
    view.on("pageerror", lambda error: errors.append(str(error)))
    view.goto(address, timeout=ANSWER)
    view.wait_for_selector("#judge", timeout=ANSWER)
    yield view
    assert hosts <= {address.removeprefix("http://"), "local"}  # no request leaves the machine
    assert errors == []
    view.close()


def judge(view, file):
    view.set_input_files("#upload input[type=file]", str(file))
    view.wait_for_selector(f"#upload >> text={file.name[:6]}", timeout=ANSWER)
    view.click("#judge")
    view.wait_for_selector(".dfd-verdict", timeout=ANSWER)
    return view.inner_text(".dfd-verdict").split()[-1]


@pytest.mark.parametrize("name", ["drawn-real.png", "drawn-fake.png", "drawn-fake.mp4"])
def test_a_photo_and_a_clip_are_answered_and_their_uploads_are_gone(opened, page, tmp_path, name):
    assert judge(opened, example(name)) in ("REAL", "FAKE", "UNSURE")
    assert opened.inner_text(".dfd-file") == name and "p_fake" in opened.inner_text(".dfd-p")
    assert opened.locator(".dfd-timeline").count() == name.endswith(".mp4")
    assert opened.locator(".dfd-pair img").count() == (4 if name.endswith(".mp4") else 2)
    assert opened.evaluate("[...document.querySelectorAll('.dfd-pair img')].every(one => one.naturalWidth > 30)")
    opened.screenshot(path=str(tmp_path / "page.png"), full_page=True)
    assert (tmp_path / "page.png").stat().st_size > 20_000
    assert [file for file in page.folder.rglob(name) if file.stat().st_size] == []


def test_the_answer_can_be_downloaded(opened):
    opened.get_by_role("button", name="A drawn face", exact=True).click()
    opened.wait_for_selector(".dfd-verdict", timeout=ANSWER)
    with opened.expect_download(timeout=ANSWER) as download:
        opened.get_by_text("Download the answer as JSON").click()
    facts = json.loads(download.value.path().read_text())
    assert facts["file"] == "drawn-real.png" and facts["people"][0]["moments"][0]["box"]


def test_a_file_that_is_none_gets_a_clear_answer(opened, tmp_path):
    (tmp_path / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\nhalf of it")
    assert judge(opened, tmp_path / "broken.png") == "ERROR"
    assert "Expected an image" in opened.inner_text(".dfd-answer")


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (390, "dark")])
def test_everybody_can_use_it(opened, width, scheme):
    opened.set_viewport_size({"width": width, "height": 800})
    opened.emulate_media(color_scheme=scheme)
    opened.reload()
    opened.wait_for_selector("#judge", timeout=ANSWER)
    assert opened.evaluate("document.body.classList.contains('dark')") == (scheme == "dark")
    assert violations(opened) == []
    opened.get_by_role("button", name="A drawn clip", exact=True).click()
    opened.wait_for_selector(".dfd-timeline", timeout=ANSWER)
    for title in ("The detector's model card", "The same by HTTP"):
        opened.get_by_text(title).click()
    opened.wait_for_selector("text=What it must not be used for", timeout=ANSWER)
    assert violations(opened) == []
    assert opened.evaluate("document.documentElement.scrollWidth") <= width
    assert opened.evaluate(CUT_OFF) == []


def test_it_works_by_keyboard(opened):
    opened.get_by_role("button", name="A drawn face", exact=True).focus()
    opened.keyboard.press("Enter")
    opened.wait_for_selector(".dfd-verdict", timeout=ANSWER)


def film(path):
    """A drawn face as a raw film, which Chromium shows in the place of a webcam."""
    frame = np.full((480, 640, 3), 128, np.uint8)
    frame[:, 80:560] = draw_portrait(3, 480)
    picture = cv2.cvtColor(frame, cv2.COLOR_RGB2YUV_I420).tobytes()
    path.write_bytes(b"YUV4MPEG2 W640 H480 F10:1 Ip A1:1 C420jpeg\n" + (b"FRAME\n" + picture) * 5)
    return path


def test_a_picture_of_the_webcam_is_judged(launch, page, tmp_path):
    camera = ("--use-fake-device-for-media-stream", f"--use-file-for-fake-video-capture={film(tmp_path / 'face.y4m')}")
    browser = launch("--use-fake-ui-for-media-stream", *camera)
    view = browser.new_context(permissions=["camera"]).new_page()
    view.goto(page.address, timeout=ANSWER)
    view.get_by_role("tab", name="Webcam").click()
    view.get_by_text("Click to Access Webcam").click()
    view.wait_for_function("[...document.querySelectorAll('video')].some(one => one.videoWidth === 640)", timeout=ANSWER)
    view.locator("button[aria-label='capture photo' i]:visible").click()
    view.wait_for_selector("img[alt]", timeout=ANSWER)
    view.get_by_role("button", name="Judge this picture").click()
    view.wait_for_selector(".dfd-verdict", timeout=ANSWER)
    assert view.locator(".dfd-bar").count() == 1  # somebody was judged
    browser.close()
    assert [file for file in page.folder.rglob("image.*") if file.stat().st_size] == []  # and the picture is gone


def test_who_judges_nothing_is_told_what_to_do(opened):
    opened.click("#judge")
    opened.wait_for_selector("text=Choose a photo or a video first", timeout=ANSWER)
