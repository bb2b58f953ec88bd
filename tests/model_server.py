"""A model server in a process of its own, and a client of its REST API."""

import contextlib
import dataclasses
import json
import os
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.request

import numpy as np

from export import server_files

BINARY = os.environ.get("TF_SERVING_BIN") or shutil.which("tensorflow_model_server")
PATIENCE = 180  # seconds for a server to come up, or to take a new version
NO_PROXY = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class Refused(Exception):
    """The server's own words."""


@dataclasses.dataclass(frozen=True)
class Server:
    """A running server of one model, as a client sees it."""

    name: str
    batching: bool
    port: int
    rest_api_port: int

    def versions(self):
        """Returns the numbers of the versions that are served."""
        try:
            status = self._answer("")
        except urllib.error.HTTPError as error:  # it does not know the model yet
            error.close()
            return set()
        except OSError:  # it is not up yet
            return set()
        found = status["model_version_status"]
        return {int(version["version"]) for version in found if version["state"] == "AVAILABLE"}

    def ask(self, text):
        """Returns the one output for the JSON of a request."""
        try:
            (answer,) = self._answer(":predict", text.encode()).values()
        except urllib.error.HTTPError as error:
            with error:
                raise Refused(error.read().decode()) from None
        return np.asarray(answer)

    def _answer(self, suffix, body=None):
        url = f"http://127.0.0.1:{self.rest_api_port}/v1/models/{self.name}{suffix}"
        with NO_PROXY.open(urllib.request.Request(url, body), timeout=60) as answer:
            return json.load(answer)


def free_ports(number):
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(number)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]


def wait_for(condition, process, log):
    end = time.monotonic() + PATIENCE
    while not condition():
        assert process.poll() is None, log.read_text(errors="replace")[-4000:]
        assert time.monotonic() < end, log.read_text(errors="replace")[-4000:]
        time.sleep(0.1)


@contextlib.contextmanager
def serving(directory, *, batching):
    """Runs a server by the export's own command, on other ports, until the body ends."""
    ports = dict(zip(("port", "rest_api_port"), free_ports(2), strict=True))
    flags = []
    for flag in server_files.command(directory)[1:]:
        name = flag.removeprefix("--").partition("=")[0]
        if name in ports:
            flags.append(f"--{name}={ports[name]}")
        elif batching or "batching" not in name:
            flags.append(flag)
    log = directory.with_name("server.log")
    server = Server(server_files.model_name(directory), batching, **ports)
    with log.open("wb") as out:
        process = subprocess.Popen([BINARY, *flags], stdout=out, stderr=subprocess.STDOUT)
        try:
            wait_for(server.versions, process, log)
            yield server, lambda condition: wait_for(condition, process, log)
        finally:
            process.terminate()
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
