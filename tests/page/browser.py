# SPDX-License-Identifier: Apache-2.0
"""A headless Chromium by plain WebDriver: no package but the distribution's."""
import base64
import contextlib
import json
import pathlib
import shutil
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.request

WAIT_S = 60     # for anything at all, on a machine with other work
ARGUMENTS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
             "--disable-background-networking", "--disable-component-update", "--disable-sync",
             "--disable-dev-shm-usage", "--hide-scrollbars"]
KEYS = {"Enter": "\ue007", "Escape": "\ue00c", "ArrowLeft": "\ue012", "ArrowUp": "\ue013",
        "ArrowRight": "\ue014", "ArrowDown": "\ue015", "Tab": "\ue004"}


def is_installed():
    return bool(shutil.which("chromium") and shutil.which("chromedriver"))


def free_port():
    with contextlib.closing(socket.socket()) as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


class Browser:
    """One session; its profile goes with it."""

    def __init__(self, width=1280, height=720):
        self.profile = tempfile.mkdtemp(prefix="rkpreload-browser-")
        self.port = free_port()
        self.driver = subprocess.Popen(["chromedriver", f"--port={self.port}"],
                                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.until(self.is_up, "chromedriver")
        options = {"binary": shutil.which("chromium"), "args": ARGUMENTS + [
            f"--user-data-dir={self.profile}", f"--window-size={width},{height}"]}
        self.session = "/session/" + self.call("POST", "/session", {"capabilities": {
            "alwaysMatch": {"goog:chromeOptions": options,
                            "goog:loggingPrefs": {"browser": "ALL"}}}})["sessionId"]
        self.cdp("Emulation.setDeviceMetricsOverride", width=width, height=height,
                 deviceScaleFactor=1, mobile=False)

    def is_up(self):
        try:
            return self.call("GET", "/status")["ready"]
        except OSError:
            return False

    def call(self, method, path, body=None):
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}{path}", method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Content-Type": "application/json"})
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with opener.open(request, timeout=2 * WAIT_S) as reply:
                return json.load(reply)["value"]
        except urllib.error.HTTPError as error:
            raise RuntimeError(json.load(error)["value"]["message"]) from None

    def ask(self, path, **body):
        return self.call("POST", self.session + path, body)

    def cdp(self, command, **params):
        return self.ask("/goog/cdp/execute", cmd=command, params=params)

    def open(self, path):
        self.ask("/url", url=pathlib.Path(path).resolve().as_uri())

    def run(self, script, *args):
        return self.ask("/execute/sync", script=script, args=list(args))

    def run_async(self, script, *args):
        self.ask("/timeouts", script=2000 * WAIT_S)
        return self.ask("/execute/async", script=script, args=list(args))

    def until(self, condition, what):
        """@condition: a function, or a script that returns what is waited for."""
        end = time.monotonic() + WAIT_S
        while time.monotonic() < end:
            value = condition() if callable(condition) else self.run("return " + condition)
            if value:
                return value
            time.sleep(0.02)
        raise AssertionError(f"waited {WAIT_S} s for {what}")

    def press(self, *keys):
        """Keys into whatever has the focus; names as in KEYS, else characters."""
        actions = []
        for key in keys:
            value = KEYS.get(key, key)
            actions += [{"type": "keyDown", "value": value}, {"type": "keyUp", "value": value}]
        self.ask("/actions", actions=[{"type": "key", "id": "keys", "actions": actions}])

    def pointer(self, *actions):
        self.ask("/actions", actions=[{"type": "pointer", "id": "mouse", "actions": list(actions)}])

    def click(self, x, y):
        self.pointer({"type": "pointerMove", "x": int(x), "y": int(y), "duration": 0},
                     {"type": "pointerDown", "button": 0}, {"type": "pointerUp", "button": 0})

    def wheel(self, x, y, dy):
        self.ask("/actions", actions=[{"type": "wheel", "id": "wheel", "actions": [
            {"type": "scroll", "x": int(x), "y": int(y), "deltaX": 0, "deltaY": dy, "duration": 0}]}])

    def theme(self, name):
        self.cdp("Emulation.setEmulatedMedia",
                 features=[{"name": "prefers-color-scheme", "value": name}])

    def screenshot(self):
        return base64.b64decode(self.call("GET", self.session + "/screenshot"))

    def messages(self):
        return [entry["message"] for entry in self.ask("/se/log", type="browser")]

    def close(self):
        with contextlib.suppress(Exception):
            self.call("DELETE", self.session)
        self.driver.terminate()
        self.driver.wait()
        shutil.rmtree(self.profile, ignore_errors=True)
