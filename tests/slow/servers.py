# SPDX-License-Identifier: Apache-2.0
"""Real servers, built from source, for one test: started on the loopback, stopped at its end."""
import pathlib
import socket
import subprocess
import sys
import time
import urllib.request

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "e2e"))
import harness  # noqa: E402

START_LIMIT = 30   # s, until a server answers


def binary_of(name):
    """The server's program. Ends the test as skipped where it cannot be had."""
    built = subprocess.run([str(HERE / "build_server.sh"), name], check=False,
                           capture_output=True, text=True)
    if built.returncode == 77:
        print(built.stderr, file=sys.stderr)
        sys.exit(77)
    if built.returncode:
        raise AssertionError(built.stderr)
    return built.stdout.strip()


def openssl(folder, *words):
    subprocess.run(["openssl", *words], cwd=folder, check=True, capture_output=True)


def certificates(folder):
    """An authority, a server's certificate for 127.0.0.1 and localhost, a client's. PEM files."""
    openssl(folder, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
            "-subj", "/CN=test authority", "-keyout", "ca.key", "-out", "ca.pem")
    (folder / "server.ext").write_text("subjectAltName=IP:127.0.0.1,DNS:localhost\n")
    (folder / "client.ext").write_text("extendedKeyUsage=clientAuth\n")
    for name in ["server", "client"]:
        openssl(folder, "req", "-newkey", "rsa:2048", "-nodes", "-subj", f"/CN={name}",
                "-keyout", f"{name}.key", "-out", f"{name}.csr")
        openssl(folder, "x509", "-req", "-in", f"{name}.csr", "-CA", "ca.pem", "-CAkey", "ca.key",
                "-CAcreateserial", "-days", "2", "-extfile", f"{name}.ext",
                "-out", f"{name}.pem")


class Server:
    """A program that is ready when it listens on @port."""

    def __init__(self, case, name, argv, port):
        self.log = case.folder / f"{name}.log"
        output = open(self.log, "wb")
        case.addCleanup(output.close)
        self.process = subprocess.Popen([str(word) for word in argv], cwd=case.folder,
                                        stdin=subprocess.DEVNULL, stdout=output, stderr=output)
        case.addCleanup(self.stop)
        self.wait_for(lambda: self.listens(port), f"{name} does not listen")

    @staticmethod
    def listens(port):
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", port)) == 0

    def wait_for(self, condition, complaint, limit=START_LIMIT):
        """Return: what @condition gave, once it is true."""
        deadline = time.monotonic() + limit
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                break
            found = condition()
            if found:
                return found
            time.sleep(0.1)
        raise AssertionError(f"{complaint}:\n{self.log.read_text(errors='replace')[-4000:]}")

    def stop(self):
        if self.process.poll() is None:
            self.process.terminate()
            self.process.wait(20)


def is_ready(url):
    try:
        return bool(get(url))
    except OSError:
        return False


def get(url, timeout=5):
    with urllib.request.urlopen(url, timeout=timeout) as reply:
        return reply.read()
