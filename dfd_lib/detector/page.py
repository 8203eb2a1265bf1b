"""The web page: drop a photo or a video, read the verdict. Gradio; nothing leaves the machine.

Uploads are deleted as soon as they are answered, and the JSON of an answer after
`KEPT` seconds; its pictures are never written. One file is judged at a time, so that memory stays
bounded; others wait in a queue, and beyond `QUEUE` are told that the page is busy.
"""

import json
import os
import secrets
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from dfd_lib.detector.card import NOT_FOR, card
from dfd_lib.detector.examples import EXAMPLES, example
from dfd_lib.detector.limits import Limits
from dfd_lib.detector.predict import DeepfakeDetector
from dfd_lib.detector.show import Picture, draw_boxes, pictures_html, timeline_svg, verdict_html
from dfd_lib.detector.verdict import Moment, Verdict
from dfd_lib.detector.watch import Seen, Watched
from dfd_lib.explain.occlusion import occlusion, overlay

if TYPE_CHECKING:
    import gradio as gr

QUEUE = 64
"""Files that may wait."""

KEPT = 600
"""Seconds after which the JSON of an answer is deleted."""

WORST = 2
"""Frames of a clip that are shown with a heat map."""

STEPS = 8
"""Of the heat map along each side: a compromise between its detail and the time of an answer."""

_BLUE, _DARK_BLUE = "#1f5fa8", "#174a84"

_CSS = Path(__file__).with_name("page.css")

_HEAD = """# Is this face manipulated?
Drop a photo or a video with a face: {limits}. The answer is REAL, FAKE or UNSURE, with what it rests on.
"""

_ABOUT = f"""**What happens to your file:** it stays on the machine that runs this page, is deleted as soon as the answer is there
(one that you never have judged, after {KEPT // 60} minutes), and no request goes anywhere else.
**What the answer must not be used for:** {NOT_FOR}"""

API = """```bash
file=$(curl -s -F files=@photo.jpg {address}/gradio_api/upload | python3 -c 'import json, sys; print(json.load(sys.stdin)[0])')
event=$(curl -s {address}/gradio_api/call/judge -H 'Content-Type: application/json' \\
  -d "{{\\"data\\": [{{\\"path\\": \\"$file\\", \\"meta\\": {{\\"_type\\": \\"gradio.FileData\\"}}}}]}}" \\
  | python3 -c 'import json, sys; print(json.load(sys.stdin)["event_id"])')
curl -sN {address}/gradio_api/call/judge/$event
```
```python
from gradio_client import Client, handle_file  # pip install gradio_client

print(Client("{address}").predict(handle_file("photo.jpg"), api_name="/judge"))
```"""
"""How programs ask, as Markdown."""


GONE = "expected the uploaded file, found none: an upload is deleted once it is answered. Send it again"
"""Why an upload cannot be judged a second time."""


@dataclass(frozen=True)
class Answer:
    """All that the page shows of one file."""

    html: str
    facts: dict[str, Any]


def answer(judge: DeepfakeDetector, path: str | Path, limits: Limits, name: str | None = None) -> Answer:
    """Judge a file within the limits, and draw what the answer rests on.

    A file beyond a limit, or a damaged one, gets the verdict ERROR with the reason.
    """
    path = Path(path)
    name = name or path.name
    try:
        limits.check(path)
    except FileNotFoundError:
        verdict, watched = Verdict(name, "", "ERROR", reason=GONE), None
    except ValueError as error:
        verdict, watched = Verdict(name, "", "ERROR", reason=str(error).removeprefix(f"{path}: ")), None
    else:
        verdict, watched = judge.look(path, limit=limits.seconds_to_read, name=name, keep=True)
    pictures = [_picture(judge, verdict, watched, *one) for one in judge.worst(verdict, watched, WORST)] if watched else []
    return Answer(verdict_html(verdict) + timeline_svg(verdict) + pictures_html(pictures), verdict.to_dict())


def _picture(judge: DeepfakeDetector, verdict: Verdict, watched: Watched, moment: Moment, seen: Seen) -> Picture:
    frame = draw_boxes(watched.frame(moment.frame), verdict, moment.frame, watched.scale)
    heat = occlusion(seen.crop, judge.score_crops, steps=STEPS)
    return Picture(moment, frame, overlay(seen.crop, heat), float(np.abs(heat).max()))


def build_page(judge: DeepfakeDetector, limits: Limits | None = None, address: str = "http://127.0.0.1:7860") -> "gr.Blocks":
    """The page around an opened detector.

    Args:
        judge: answers.
        limits: of uploads; default: `Limits()`.
        address: as the examples of the HTTP API name it.
    """
    import gradio as gr

    limits = limits or Limits()
    with gr.Blocks(title="Is this face manipulated?", analytics_enabled=False, delete_cache=(KEPT // 10, KEPT)) as page:
        gr.Markdown(_HEAD.format(limits=limits.words()))
        with gr.Row():
            with gr.Column(scale=1, min_width=300):
                with gr.Tab("File"):
                    upload = gr.File(label="Photo or video", type="filepath", height=160, elem_id="upload")
                    run = gr.Button("Judge this file", variant="primary", elem_id="judge")
                with gr.Tab("Webcam"):
                    camera = _webcam(label="A picture of the webcam")
                    look = gr.Button("Judge this picture", variant="primary")
                gr.Markdown(
                    "## Or try a drawing\nDrawn people, two of them with a swapped face. A detector of photographs may err on them.",
                    elem_id="try",
                )
                with gr.Row():
                    tries = [(gr.Button(title, size="sm", min_width=140), name) for name, title in EXAMPLES.items()]
            with gr.Column(scale=2, min_width=300):
                said = gr.HTML("<p>The answer will stand here.</p>", elem_id="answer")
                with gr.Accordion("All details as JSON", open=False):
                    facts = gr.JSON(label="JSON")
                save = gr.DownloadButton("Download the answer as JSON", interactive=False)
        gr.Markdown(_ABOUT)
        with gr.Accordion("The detector's model card", open=False):
            gr.Markdown(card(judge.spec))
        with gr.Accordion("The same by HTTP", open=False):
            gr.Markdown(API.format(address=address))
        outputs, hidden = [said, facts, save], {"api_visibility": "private", "concurrency_id": "judge", "concurrency_limit": 1}

        def show(path: str | None) -> list:
            return _outputs(_of_upload(judge, path, limits))

        run.click(show, upload, outputs, **hidden)
        look.click(show, camera, outputs, **hidden)
        for button, name in tries:
            button.click(lambda name=name: _outputs(answer(judge, example(name), limits)), None, outputs, **hidden)
        api_file, api_facts = gr.File(visible=False, type="filepath"), gr.JSON(visible=False)
        api = gr.Button(visible=False)
        api.click(
            lambda path: _of_upload(judge, path, limits).facts,
            api_file,
            api_facts,
            api_name="judge",
            concurrency_id="judge",
            concurrency_limit=1,
        )
    return page.queue(max_size=QUEUE)


def _webcam(**how) -> "gr.Image":
    """A webcam that hands on the very file that was sent: Gradio's own saves another, and the first would stay where it is."""
    import gradio as gr

    camera = gr.Image(sources=["webcam"], type="filepath", **how)
    camera.preprocess = lambda payload: payload and payload.path  # of this one alone: of a class Gradio would write stubs beside this file
    return camera


def _of_upload(judge: DeepfakeDetector, path: str | None, limits: Limits) -> Answer:
    import gradio as gr

    if not path:
        raise gr.Error("Choose a photo or a video first.", print_exception=False)
    try:
        return answer(judge, path, limits)
    finally:
        Path(path).unlink(missing_ok=True)


def _outputs(found: Answer) -> list:
    import gradio as gr

    handle, name = tempfile.mkstemp(".json", "verdict-", os.environ.get("GRADIO_TEMP_DIR"))
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        json.dump(found.facts, file, indent=2)
    return [found.html, found.facts, gr.DownloadButton(value=name, interactive=True)]


def serve(
    judge: DeepfakeDetector, *, host: str = "127.0.0.1", port: int = 7860, password: str | None = None, limits: Limits | None = None
) -> None:
    """Serve the page until it is interrupted.

    Args:
        judge: answers.
        host: 127.0.0.1: this machine alone; 0.0.0.0: everybody who can reach it.
        port: where.
        password: of the user `dfd`; default: none is asked for.
        limits: of uploads.
    """
    limits = limits or Limits()
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
    _keep_apart()
    with tempfile.TemporaryDirectory(prefix="dfd-page-") as folder:
        os.environ["GRADIO_TEMP_DIR"] = folder
        page = build_page(judge, limits, f"http://{host}:{port}")
        page.launch(
            server_name=host,
            server_port=port,
            auth=("dfd", password) if password else None,
            max_file_size=limits.bytes,
            share=False,
            quiet=True,
            ssr_mode=False,
            footer_links=[],
            enable_monitoring=False,
            show_error=True,
            strict_cors=True,
            theme=_theme(),
            css_paths=[_CSS],
        )


def _keep_apart() -> None:
    """Give every upload a folder of its own: Gradio names it by its content, so that an answer would delete what another has sent, too."""
    from gradio import route_utils

    class Upload(route_utils.GradioUploadFile):
        def __init__(self, *arguments, **how):
            super().__init__(*arguments, **how)
            self.sha.update(secrets.token_bytes(16))

    route_utils.GradioUploadFile = Upload


def _theme() -> Any:
    """Gradio's default looks with the system's own fonts, as others would be fetched from elsewhere, and colours of enough contrast."""
    import gradio as gr

    theme = gr.themes.Default(font=["system-ui", "sans-serif"], font_mono=["ui-monospace", "monospace"])
    return theme.set(
        button_primary_background_fill=_BLUE,
        button_primary_background_fill_hover=_DARK_BLUE,
        button_primary_background_fill_dark=_BLUE,
        button_primary_background_fill_hover_dark=_DARK_BLUE,
        color_accent=_BLUE,
        body_text_color_subdued="#52525b",
    )
