"""What the tests of the page share: waiting for one that starts, sending a file as a form does, how much memory a process took."""

import socket
import subprocess
import time
import urllib.request
import uuid
from pathlib import Path


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def wait_for(address: str, process: subprocess.Popen, seconds: float = 120) -> None:
    """Until somebody answers there."""
    end = time.monotonic() + seconds
    while time.monotonic() < end and process.poll() is None:
        try:
            urllib.request.urlopen(address, timeout=5).close()
            return
        except OSError:
            time.sleep(0.3)
    raise RuntimeError(f"the page did not start: {process.communicate()[1]}")


def upload_body(name: str, content: bytes) -> tuple[bytes, str]:
    """An upload's body and its content type, as `curl -F files=@name` sends them."""
    boundary = uuid.uuid4().hex
    head = f'--{boundary}\r\nContent-Disposition: form-data; name="files"; filename="{name}"\r\n\r\n'
    body = head.encode("utf-8", "surrogateescape") + content + f"\r\n--{boundary}--\r\n".encode()
    return body, f"multipart/form-data; boundary={boundary}"


def peak_megabytes(pid: int) -> float:
    """The most memory that a process has held so far (Linux)."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) / 1024
